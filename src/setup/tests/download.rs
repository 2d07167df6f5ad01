//! What is fetched is what was meant, however the network behaves.

use std::path::Path;
use std::time::Duration;

use super::super::fetch::{self, Patience};
use super::Deaf;
use super::server::{Manners, Server};
use crate::model::error::{Kind, Result};

const QUICK: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(5),
    silence: Duration::from_secs(5),
    pause: Duration::from_millis(1),
};

fn content() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n * 7 % 251) as u8).collect()
}

fn hash(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    fetch::digest(file.path()).unwrap()
}

fn get(server: &Server, sha256: &str, folder: &Path) -> Result<std::path::PathBuf> {
    fetch::get(&server.url, sha256, folder, QUICK, &Deaf)
}

fn left(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(content(), Manners::default());
    let file = get(&server, &hash(&content()), folder.path()).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), content());
    assert_eq!(left(folder.path()).len(), 1, "no unfinished file is left");
    // A second time nothing is asked of the server.
    get(&server, &hash(&content()), folder.path()).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_cut_connection_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(content(), Manners { cut_after: Some(100_000), ..Manners::default() });
    let file = get(&server, &hash(&content()), folder.path()).unwrap();
    assert_eq!(std::fs::read(file).unwrap(), content());
    let asked = server.requests();
    assert_eq!(asked.first(), Some(&None));
    assert!(asked.len() >= 3 && asked[1..].iter().all(Option::is_some), "{asked:?}");
}

#[test]
fn an_interrupted_download_is_continued_by_the_next_set_up() {
    let folder = tempfile::tempdir().unwrap();
    let sha = hash(&content());
    let part = folder.path().join(format!("{}-ffmpeg-test.zip.part", &sha[..16]));
    std::fs::write(&part, &content()[..123_456]).unwrap();
    let server = Server::start(content(), Manners::default());
    get(&server, &sha, folder.path()).unwrap();
    assert_eq!(server.requests(), [Some("bytes=123456-".to_owned())]);
}

#[test]
fn a_whole_but_unfinished_file_costs_one_question() {
    let folder = tempfile::tempdir().unwrap();
    let sha = hash(&content());
    std::fs::write(folder.path().join(format!("{}-ffmpeg-test.zip.part", &sha[..16])), content()).unwrap();
    let server = Server::start(content(), Manners::default());
    get(&server, &sha, folder.path()).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let folder = tempfile::tempdir().unwrap();
    let sha = hash(&content());
    std::fs::write(folder.path().join(format!("{}-ffmpeg-test.zip.part", &sha[..16])), b"xx").unwrap();
    let server = Server::start(content(), Manners { no_ranges: true, ..Manners::default() });
    assert_eq!(std::fs::read(get(&server, &sha, folder.path()).unwrap()).unwrap(), content());
}

#[test]
fn a_beginning_of_another_version_is_thrown_away_once() {
    let folder = tempfile::tempdir().unwrap();
    let sha = hash(&content());
    std::fs::write(folder.path().join(format!("{}-ffmpeg-test.zip.part", &sha[..16])), b"other").unwrap();
    let server = Server::start(content(), Manners::default());
    assert_eq!(std::fs::read(get(&server, &sha, folder.path()).unwrap()).unwrap(), content());
}

#[test]
fn a_wrong_sha_256_is_refused_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(content(), Manners::default());
    let wrong = "0".repeat(64);
    let error = get(&server, &wrong, folder.path()).unwrap_err();
    assert!(error.line().contains(&hash(&content())) && error.line().contains(&wrong), "{error}");
    assert_eq!(left(folder.path()), Vec::<String>::new());
    assert_eq!(server.requests().len(), 1, "a wrong file does not get right by being fetched again");
}

#[test]
fn a_busy_server_is_asked_again_and_a_missing_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(content(), Manners { busy: 2, ..Manners::default() });
    get(&server, &hash(&content()), folder.path()).unwrap();
    assert_eq!(server.requests().len(), 3);
    let gone = Server::start(content(), Manners { status: Some("404 Not Found"), ..Manners::default() });
    let error = get(&gone, &"1".repeat(64), folder.path()).unwrap_err();
    assert!(error.line().contains("404"), "{error}");
    assert_eq!(gone.requests().len(), 1);
}

#[test]
fn a_server_that_is_not_there_is_an_error_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{port}/x.zip");
    let error = fetch::get(&url, &"2".repeat(64), folder.path(), QUICK, &Deaf).unwrap_err();
    assert!(error.hint.is_some_and(|hint| hint.contains("HTTPS_PROXY")));
}

#[test]
fn two_set_ups_do_not_write_one_download() {
    let folder = tempfile::tempdir().unwrap();
    let sha = hash(&content());
    let part = folder.path().join(format!("{}-ffmpeg-test.zip.part", &sha[..16]));
    let _other = crate::sys::fs::Growing::open(&part).unwrap();
    let server = Server::start(content(), Manners::default());
    assert!(get(&server, &sha, folder.path()).is_err());
    assert!(server.requests().is_empty());
}

#[test]
fn a_sha_256_is_taken_as_people_write_it() {
    let digits = "AB".repeat(32);
    assert_eq!(fetch::sha256(&format!(" sha256:{digits}\n")).unwrap(), digits.to_lowercase());
    assert_eq!(fetch::sha256("abc").unwrap_err().kind, Kind::Usage);
}
