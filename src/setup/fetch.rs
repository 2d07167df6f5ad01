//! A file from the network: goes on where the last try ended, and is believed only by its SHA-256.
//!
//! Proxies are taken from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, by the HTTP library.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::Watch;
use crate::model::error::{Error, Kind, Result};
use crate::sys::fs::{self, Growing};
use crate::sys::stop::{self, Stop};

/// Tries in a row that bring nothing.
const TRIES: u32 = 5;

/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);

/// How long others may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub connect: Duration,
    pub answer: Duration,
    /// Without a byte.
    pub silence: Duration,
    /// Before the second try; doubled for each one more.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            silence: Duration::from_secs(60),
            pause: Duration::from_secs(1),
        }
    }
}

/// A SHA-256 as people write it, checked and in lower case.
pub fn sha256(text: &str) -> Result<String> {
    let digits = text.trim().strip_prefix("sha256:").unwrap_or(text.trim()).to_ascii_lowercase();
    if digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        Ok(digits)
    } else {
        Err(Error::new(Kind::Usage, format!("take `{text}` for a SHA-256"))
            .hint("A SHA-256 has 64 hexadecimal digits; `sha256sum FILE` prints it."))
    }
}

/// SHA-256 of a file.
pub fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// The file at `url`, in `folder`. What is there already of it is not fetched again.
pub fn get(url: &str, sha256: &str, folder: &Path, patience: Patience, watch: &dyn Watch) -> Result<PathBuf> {
    let whole = folder.join(file_name(url, sha256));
    let part = folder.join(format!("{}.part", file_name(url, sha256)));
    let io = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |error| Error::io(doing, path, error)
    };
    fs::create_dir_all(folder).map_err(io("make the folder for downloads", folder))?;
    match digest(&whole) {
        Ok(found) if found == sha256 => return Ok(whole),
        // Damaged since it was fetched.
        Ok(_) => {
            fs::remove_file(&whole).map_err(io("remove the damaged download", &whole))?;
        }
        Err(_) => {}
    }
    let mut anew = false;
    loop {
        let begun_at = Growing::open(&part).map_err(io("open the download", &part))?.length();
        fetch(url, &part, patience, watch)?;
        let found = digest(&part).map_err(io("read the download", &part))?;
        if found == sha256 {
            fs::consume(&part, &whole).map_err(io("keep the download", &part))?;
            return Ok(whole);
        }
        fs::remove_file(&part).map_err(io("remove the wrong download", &part))?;
        // The beginning may be of another version than the end; that is nobody's fault, once.
        if begun_at == 0 || anew {
            return Err(Error::new(Kind::Io, format!("use {url}: its SHA-256 is {found}, not {sha256}")).hint(
                "The file is not the one that was meant: look the SHA-256 up again at its publisher, or the address.",
            ));
        }
        anew = true;
        watch.note("what was fetched before does not fit the rest; fetching all of it again");
    }
}

/// A name that tells which content it is to be, so that the unfinished file of another version is never continued.
fn file_name(url: &str, sha256: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name: String = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .collect();
    format!("{}-{name}", &sha256[..16])
}

/// What one request came to.
enum Try {
    Done,
    /// May be tried again.
    Broken(String),
}

fn fetch(url: &str, part: &Path, patience: Patience, watch: &dyn Watch) -> Result<()> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("media-converter/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.answer))
        .timeout_per_read(Some(patience.silence))
        .build()
        .into();
    let mut file = Growing::open(part).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Error::new(Kind::Io, "write the download: another set-up does").at(part),
        _ => Error::io("write the download", part, error),
    })?;
    let mut tries = 0;
    loop {
        let before = file.length();
        match once(&agent, url, &mut file, part, watch)? {
            Try::Done => return file.finish().map_err(|error| Error::io("write the download", part, error)),
            Try::Broken(why) => {
                tries = if file.length() > before { 1 } else { tries + 1 };
                if tries >= TRIES {
                    return Err(Error::new(Kind::Io, format!("fetch {url}: {why}")).hint(
                        "Look at the network and at HTTPS_PROXY; run the same command again to go on where it ended.",
                    ));
                }
                watch.note(&format!("{why}; trying again"));
                if stop::sleep(patience.pause * 2_u32.pow(tries - 1)) {
                    return Err(stopped());
                }
            }
        }
    }
}

fn stopped() -> Error {
    Error::new(Kind::Interrupted, "fetch the rest: we were asked to stop")
        .hint("Run the same command again to go on where it ended.")
}

fn once(agent: &Agent, url: &str, file: &mut Growing, part: &Path, watch: &dyn Watch) -> Result<Try> {
    let mut request = agent.get(url);
    if file.length() > 0 {
        request = request.header(header::RANGE, format!("bytes={}-", file.length()));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl)) => {
            return Err(Error::new(Kind::Usage, format!("fetch {url}")).because(error));
        }
        Err(error) => return Ok(Try::Broken(error.to_string())),
    };
    let write = |error| Error::io("write the download", part, error);
    match response.status() {
        StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(file.length()) => {}
        StatusCode::OK => file.empty().map_err(write)?,
        StatusCode::RANGE_NOT_SATISFIABLE if total(&response) == Some(file.length()) => return Ok(Try::Done),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            file.empty().map_err(write)?;
            return Ok(Try::Broken("the server has another file than before".to_owned()));
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Ok(Try::Broken(format!("the server says {status}")));
        }
        status => {
            return Err(Error::new(Kind::Io, format!("fetch {url}: the server says {status}"))
                .hint("Look at the address."));
        }
    }
    let left: Option<u64> = number(&response, &header::CONTENT_LENGTH);
    let goal = left.map(|left| file.length() + left);
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 64 * 1024];
    let mut told: Option<Instant> = None;
    loop {
        let read = match body.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Try::Broken(error.to_string())),
        };
        file.append(&buffer[..read]).map_err(write)?;
        if read == 0 || told.is_none_or(|told| told.elapsed() >= TELL) {
            watch.progress(file.length(), goal);
            told = Some(Instant::now());
        }
        if read == 0 {
            return Ok(match goal {
                Some(goal) if file.length() < goal => {
                    Try::Broken("the connection ended too early".to_owned())
                }
                _ => Try::Done,
            });
        }
        if stop::asked() > Stop::No {
            return Err(stopped());
        }
    }
}

fn number(response: &Response<Body>, name: &header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `bytes 100-199/200` → (100, 200); `bytes */200` → 200 alone.
fn range(response: &Response<Body>) -> Option<(Option<u64>, Option<u64>)> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (span, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    Some((span.split('-').next().and_then(|first| first.parse().ok()), total.parse().ok()))
}

fn begins_at(response: &Response<Body>) -> Option<u64> {
    range(response)?.0
}

fn total(response: &Response<Body>) -> Option<u64> {
    range(response)?.1
}
