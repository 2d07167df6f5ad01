use std::io;
use std::sync::Barrier;

use super::folder;
use crate::sys::fs::{self, Created, Removed};

#[test]
fn of_eight_threads_one_publishes_a_folder() {
    let folder = folder();
    for round in 0..200 {
        let to = folder.path().join(format!("lock{round}"));
        let start = Barrier::new(8);
        let winners = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let (to, start) = (&to, &start);
                    let from = folder.path().join(format!("from{round}-{thread}"));
                    scope.spawn(move || {
                        let child = format!("own.{thread}");
                        std::fs::create_dir_all(from.join(&child)).unwrap();
                        start.wait();
                        fs::publish_dir(&from, to, &child).unwrap() == Created::Yes
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter(|_| true)
                .map(|thread| thread.join().unwrap())
                .filter(|won| *won)
                .count()
        });
        assert_eq!(winners, 1);
        assert_eq!(fs::list(&to).unwrap().len(), 1);
    }
}

#[test]
fn a_published_folder_whose_reply_was_lost_is_ours() {
    let folder = folder();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::create_dir_all(from.join("own.me")).unwrap();
    let mut lose = |from: &std::path::Path, to: &std::path::Path| {
        std::fs::rename(from, to)?;
        Err(io::Error::from(io::ErrorKind::NotFound))
    };
    assert_eq!(fs::publish_dir_by(&mut lose, &from, &to, "own.me").unwrap(), Created::Yes);
    assert_eq!(fs::remove_dir(&to).unwrap(), Removed::NotEmpty);
}
