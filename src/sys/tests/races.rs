//! Many threads, one name.

use std::path::{Path, PathBuf};
use std::sync::Barrier;

use super::folder;
use crate::sys::fs::{self, Created, Removed};

const THREADS: usize = 8;
const ROUNDS: usize = 200;

/// Lets all threads run `attempt(round, thread)` at once, for many rounds; after each, `judge` gets who won.
fn race(
    prepare: impl Fn(usize) + Sync,
    attempt: impl Fn(usize, usize) -> bool + Sync,
    mut judge: impl FnMut(usize, Vec<usize>),
) {
    let start = Barrier::new(THREADS);
    let won: Vec<Vec<bool>> = std::thread::scope(|scope| {
        let (start, prepare, attempt) = (&start, &prepare, &attempt);
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    (0..ROUNDS)
                        .map(|round| {
                            if thread == round % THREADS {
                                prepare(round);
                            }
                            start.wait();
                            attempt(round, thread)
                        })
                        .collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won = |thread: &usize, round: usize| won[*thread][round];
    (0..ROUNDS).for_each(|round| judge(round, (0..THREADS).filter(|thread| won(thread, round)).collect()));
}

fn at(folder: &Path, what: &str, round: usize) -> PathBuf {
    folder.join(format!("{what}{round}"))
}

#[test]
fn one_of_many_publishes_a_folder() {
    let folder = folder();
    race(
        |_| {},
        |round, thread| {
            let child = format!("own.{thread}");
            let from = at(folder.path(), &format!("from{thread}-"), round);
            std::fs::create_dir_all(from.join(&child)).unwrap();
            fs::publish_dir(&from, &at(folder.path(), "to", round), &child).unwrap() == Created::Yes
        },
        |round, winners| {
            assert_eq!(winners.len(), 1, "round {round}");
            assert!(at(folder.path(), "to", round).join(format!("own.{}", winners[0])).is_dir());
        },
    );
}

#[test]
fn one_of_many_publishes_a_file() {
    let folder = folder();
    race(
        |_| {},
        |round, thread| {
            let from = at(folder.path(), &format!("from{thread}-"), round);
            std::fs::write(&from, thread.to_string()).unwrap();
            fs::publish_file(&from, &at(folder.path(), "to", round)).unwrap() == Created::Yes
        },
        |round, winners| {
            assert_eq!(winners.len(), 1, "round {round}");
            let found = std::fs::read_to_string(at(folder.path(), "to", round)).unwrap();
            assert_eq!(found, winners[0].to_string());
        },
    );
}

#[test]
fn one_of_many_moves_a_file_to_a_free_name() {
    use crate::sys::os::fs::rename_new;
    let folder = folder();
    race(
        |_| {},
        |round, thread| {
            let from = at(folder.path(), &format!("from{thread}-"), round);
            std::fs::write(&from, thread.to_string()).unwrap();
            fs::rename_new_by(&mut rename_new, &from, &at(folder.path(), "to", round)).unwrap()
                == Created::Yes
        },
        |round, winners| {
            assert_eq!(winners.len(), 1, "round {round}");
            let found = std::fs::read_to_string(at(folder.path(), "to", round)).unwrap();
            assert_eq!(found, winners[0].to_string());
        },
    );
}

#[test]
fn one_of_many_consumes_a_file() {
    let folder = folder();
    race(
        |round| std::fs::write(at(folder.path(), "prize", round), "prize").unwrap(),
        |round, thread| {
            let to = at(folder.path(), &format!("taken{thread}-"), round);
            fs::consume(&at(folder.path(), "prize", round), &to).unwrap() == Removed::Yes
        },
        |round, winners| {
            assert_eq!(winners.len(), 1, "round {round}");
            assert!(at(folder.path(), &format!("taken{}-", winners[0]), round).is_file());
        },
    );
}

#[test]
fn one_of_many_makes_a_file_and_together_they_remove_it() {
    let folder = folder();
    race(
        |_| {},
        |round, thread| {
            let path = at(folder.path(), "new", round);
            fs::write_new(&path, thread.to_string().as_bytes()).unwrap() == Created::Yes
        },
        |round, winners| {
            assert_eq!(winners.len(), 1, "round {round}");
            let found = std::fs::read_to_string(at(folder.path(), "new", round)).unwrap();
            assert_eq!(found, winners[0].to_string());
        },
    );
    race(
        |_| {},
        |round, _| fs::remove_file(&at(folder.path(), "new", round)).unwrap() == Removed::Yes,
        |round, winners| {
            // More than one may be told so on Windows.
            assert!(!winners.is_empty(), "round {round}");
            assert!(!at(folder.path(), "new", round).exists());
        },
    );
}

#[test]
fn a_reader_of_a_replaced_file_sees_one_of_the_two_whole() {
    let folder = folder();
    let name = folder.path().join("film");
    std::fs::write(&name, "a".repeat(10_000)).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..ROUNDS {
                let from = at(folder.path(), "stage", round);
                std::fs::write(&from, if round % 2 == 0 { "b" } else { "a" }.repeat(10_000)).unwrap();
                assert_eq!(fs::replace(&from, &name).unwrap(), Removed::Yes);
            }
        });
        while !writer.is_finished() {
            let found = fs::read_small(&name, 20_000).unwrap();
            assert_eq!(found.len(), 10_000);
            assert!(found.iter().all(|byte| *byte == found[0]));
            // Old Windows replaces no file that is open at that moment; a player is not at it all the time either.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    });
}
