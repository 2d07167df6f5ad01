//! Killed and stopped at every step.

use super::super::survey;
use super::player::{Player, convert, short};
use super::*;

/// Every named step that a conversion passes, and whether the film is swapped in by then or will be by whoever finds it.
const STEPS: &[&str] = &[
    "claim.work",
    "claim.staging",
    "claim.info",
    "claim.before-publish",
    "claim.published",
    "claim.mine",
    "claim.doorbell",
    "claim.looked",
    "test.transcoded",
    "seal.begin",
    "seal.commit",
    "seal.before-publish",
    "seal.published",
    "seal.sealed",
    "test.before-swap",
    "test.swapped",
    "finish.begin",
    "doorbell.away",
    "finish.silent",
    "finish.moved",
    "finish.free",
];

fn is_whole(folder: &Folder) -> String {
    let text = std::fs::read_to_string(folder.film()).unwrap();
    assert!(text == "the film" || text.starts_with("by "), "{text}");
    text
}

fn sweep_all(folder: &Folder, terms: &Terms) {
    let memory = Notebook::default();
    until("nothing is left", || {
        let swept = survey::sweep(folder.path(), terms, &memory).unwrap();
        for half in swept.half_done {
            super::player::swap(&folder.film(), &half.work_dir, &half.commit);
            half.finish();
        }
        assert!(swept.stranded.is_empty());
        folder.names() == ["Movie.mkv"]
    });
}

#[test]
fn killed_at_any_step_the_file_is_whole_and_another_worker_converts_it_at_once() {
    for step in STEPS {
        let folder = Folder::new();
        let player = Player::start("convert", &folder.film(), 60_000, &format!("{step}=kill"));
        let (status, said) = player.end();
        assert!(!status.success() && !said.contains("player: swapped"), "{step}: it was not killed: {said}");
        is_whole(&folder);
        // The timeout is a minute: that the process is gone must be enough.
        let end = convert(&folder.film(), &short(60_000), "the next");
        assert!(["swapped", "converted already"].contains(&end.as_str()), "{step}: {end}");
        assert!(is_whole(&folder).starts_with("by "), "{step}");
        sweep_all(&folder, &short(60_000));
        println!("killed at {step}: {end}, whole, no litter");
    }
}

#[test]
fn killed_while_it_cleans_up_after_another_it_leaves_a_state_that_the_next_cleans() {
    for step in ["takeover.before-rename", "takeover.renamed", "takeover.before-revoke", "takeover.revoked"] {
        let folder = Folder::new();
        let (status, _) = Player::start("convert", &folder.film(), 60_000, "test.transcoded=kill").end();
        assert!(!status.success());
        let (status, _) = Player::start("convert", &folder.film(), 60_000, &format!("{step}=kill")).end();
        assert!(!status.success(), "{step}");
        assert_eq!(convert(&folder.film(), &short(60_000), "the next"), "swapped", "{step}");
        sweep_all(&folder, &short(60_000));
    }
    let folder = Folder::new();
    drop(mine(&folder.film()).seal(&commit_of(&folder.film())).unwrap());
    let (status, _) = Player::start("convert", &folder.film(), 60_000, "recover.clear=kill").end();
    assert!(!status.success());
    assert_eq!(convert(&folder.film(), &short(60_000), "the next"), "swapped");
    sweep_all(&folder, &short(60_000));
}

#[test]
fn killed_in_the_midst_of_a_sweep_it_leaves_what_the_next_sweep_clears() {
    for step in ["sweep.before-unstage", "sweep.before-remove"] {
        let folder = Folder::new();
        let (status, _) = Player::start("convert", &folder.film(), 60_000, "claim.info=kill").end();
        assert!(!status.success());
        let (status, said) = Player::start("sweep", &folder.film(), 60_000, &format!("{step}=kill")).end();
        assert!(!status.success() && !said.contains("player: swept"), "{step}: it was not killed: {said}");
        assert!(folder.names().len() > 1, "{step}: nothing was left");
        sweep_all(&folder, &short(60_000));
    }
}

#[test]
fn killed_at_a_heartbeat_its_file_is_converted_by_the_next() {
    let folder = Folder::new();
    let (status, said) = Player::start("hold", &folder.film(), 5_000, "beat=kill").end_at_once();
    assert!(!status.success(), "it was not killed: {said}");
    assert_eq!(convert(&folder.film(), &short(60_000), "the next"), "swapped");
    sweep_all(&folder, &short(60_000));
}

#[test]
fn stopped_at_a_heartbeat_and_continued_it_knows_that_its_claim_is_lost() {
    if std::env::consts::OS != "linux" {
        println!("SKIPPED: nothing here can stop a process and tell that it is stopped");
        return;
    }
    let folder = Folder::new();
    let player = Player::start("hold", &folder.film(), 1000, "beat=stop");
    until("it is stopped", || is_stopped(&player));
    assert_eq!(convert(&folder.film(), &short(60_000), "the next"), "swapped");
    let before = is_whole(&folder);
    wake(&player);
    let (status, said) = player.end();
    assert!(status.success() && said.contains("lost Some"), "{said}");
    assert_eq!(is_whole(&folder), before);
    sweep_all(&folder, &short(1000));
}

fn is_stopped(player: &Player) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", player.id())).unwrap();
    stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
}

fn wake(player: &Player) {
    let pid = player.id().to_string();
    assert!(std::process::Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
}

#[test]
fn stopped_past_its_timeout_and_continued_at_any_step_a_worker_swaps_nothing_in_twice() {
    if std::env::consts::OS != "linux" {
        println!("SKIPPED: nothing here can stop a process and tell that it is stopped");
        return;
    }
    std::thread::scope(|scope| {
        for step in STEPS {
            scope.spawn(move || stopped_at(step));
        }
    });
}

fn stopped_at(step: &str) {
    const TTL: u64 = 1000;
    let folder = Folder::new();
    let player = Player::start("convert", &folder.film(), TTL, &format!("{step}=stop"));
    until("it is stopped", || is_stopped(&player));
    // On terms of its own that it can keep on a machine that does other things: the stopped one's record decides about that one.
    let end = convert(&folder.film(), &short(60_000), "the next");
    assert!(["swapped", "converted already"].contains(&end.as_str()), "{step}: {end}");
    let before = is_whole(&folder);
    assert!(before.starts_with("by "), "{step}: {before}");
    wake(&player);
    let (status, said) = player.end();
    assert!(status.success(), "{step}: {said}");
    let swapped = usize::from(said.contains("player: swapped")) + usize::from(end == "swapped");
    assert!(swapped <= 1, "{step}: both swapped: {said}");
    assert_eq!(is_whole(&folder), before, "{step}: {said}");
    sweep_all(&folder, &short(TTL));
    println!("stopped at {step}: the next worker {end}; the stopped one: {}", said.replace('\n', " "));
}

#[test]
fn many_take_one_stale_claim_and_one_gets_it() {
    const CONTENDERS: usize = 8;
    let folder = Folder::new();
    for round in 0..200 {
        mine(&folder.film()).die();
        let barrier = std::sync::Barrier::new(CONTENDERS);
        let winners: Vec<Claim> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONTENDERS)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        ask(&folder.film())
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| match thread.join().unwrap() {
                    Acquired::Mine(claim) => Some(claim),
                    Acquired::Held(_) => None,
                    other => panic!("{other:?}"),
                })
                .collect()
        });
        assert_eq!(winners.len(), 1, "round {round}");
        for winner in winners {
            assert!(winner.lost().is_none(), "round {round}");
            assert!(winner.is_current(), "round {round}");
            winner.release();
        }
        folder.is_clean();
    }
}

#[test]
fn processes_that_race_for_one_file_hold_it_one_at_a_time() {
    let folder = Folder::new();
    let players: Vec<Player> = (0..4).map(|_| Player::start("race", &folder.film(), 60_000, "")).collect();
    let mut alone = 0;
    for player in players {
        let (status, said) = player.end();
        assert!(status.success() && said.contains("player: done"), "{said}");
        assert!(!said.contains("NOT ALONE"), "{said}");
        alone += said.matches("player: alone").count();
    }
    assert!(alone > 20, "only {alone} claims");
    folder.is_clean();
}
