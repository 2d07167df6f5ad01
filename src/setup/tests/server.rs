//! A file server on the loopback, with the faults of real ones.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it serves.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// Each connection ends after this many bytes of the file.
    pub cut_after: Option<usize>,
    /// It knows no ranges and always sends all.
    pub no_ranges: bool,
    /// So many requests are answered with 503 first.
    pub busy: usize,
    /// Another status than 200.
    pub status: Option<&'static str>,
}

pub struct Server {
    pub url: String,
    /// The `Range` header of each request so far.
    pub asked: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    pub fn start(content: Vec<u8>, mut manners: Manners) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/builds/ffmpeg-test.zip?token=1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let range = range(&stream);
                heard.lock().unwrap().push(range.clone());
                answer(stream, &content, range.as_deref(), &mut manners);
            }
        });
        Server { url, asked }
    }

    pub fn requests(&self) -> Vec<Option<String>> {
        self.asked.lock().unwrap().clone()
    }
}

fn range(stream: &TcpStream) -> Option<String> {
    let mut found = None;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: ") {
            found = Some(value.to_owned());
        }
    }
    found
}

fn answer(mut stream: TcpStream, content: &[u8], range: Option<&str>, manners: &mut Manners) {
    if manners.busy > 0 {
        manners.busy -= 1;
        let _ = write!(stream, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    if let Some(status) = manners.status {
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    let from = range
        .filter(|_| !manners.no_ranges)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let (head, body) = match from {
        Some(from) if from >= content.len() => {
            (format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{}", content.len()), &content[..0])
        }
        Some(from) => (
            format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
                content.len() - 1,
                content.len()
            ),
            &content[from..],
        ),
        None => ("200 OK".to_owned(), content),
    };
    let sent = &body[..manners.cut_after.map_or(body.len(), |cut| cut.min(body.len()))];
    let _ = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(sent);
}
