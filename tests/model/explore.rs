//! What the checker finds: nothing in the protocol, and something in each of the known ways to get it wrong.

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::protocol::{Bug, Protocol, listing};
use super::share::{Fault, Handles};

struct Found {
    violated: BTreeSet<&'static str>,
    reached: BTreeSet<&'static str>,
    states: usize,
}

/// Explores at most `most` states; a mutant only until something is violated.
fn explore(name: &str, model: Protocol, most: usize) -> Found {
    let started = Instant::now();
    let is_mutant = model.bug != Bug::None;
    let builder = model.checker().threads(2).target_state_count(most);
    let builder = if is_mutant { builder.finish_when(HasDiscoveries::AnyFailures) } else { builder };
    let checker = builder.spawn_bfs().join();
    let (mut violated, mut reached) = (BTreeSet::new(), BTreeSet::new());
    for (property, path) in checker.discoveries() {
        if checker.model().property(property).expectation == Expectation::Sometimes {
            reached.insert(property);
            continue;
        }
        violated.insert(property);
        if !is_mutant || std::env::var_os("MEDIA_CONVERTER_MODEL_TRACE").is_some() {
            println!("--- {name}: {property}");
            for (world, action) in path.into_vec() {
                let workers: Vec<_> = world.workers.iter().map(|w| (w.me, &w.at)).collect();
                println!("{:?} {:?} {workers:?}\n{action:?}", listing(&world.share), world.share.media);
            }
        }
    }
    println!(
        "model: {name}: {} states ({} generated), depth {}, {:.1} s, {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f32(),
        match (violated.is_empty(), checker.state_count() >= most) {
            (false, _) => format!("violated: {violated:?}"),
            (true, true) => "stopped at the limit".to_owned(),
            (true, false) => "all of them".to_owned(),
        }
    );
    Found { violated, reached, states: checker.unique_state_count() }
}

const HANDLES: [Handles; 3] = [Handles::Names, Handles::Entries, Handles::Folders];

fn base(handles: Handles) -> Protocol {
    Protocol { workers: 2, attempts: 2, crashes: 1, delays: 0, sweeps: 0, handles, bug: Bug::None }
}

/// `MEDIA_CONVERTER_MODEL=full` takes the limits off; optimised (`CARGO_PROFILE_TEST_OPT_LEVEL=3`) it takes minutes and a few gigabytes.
fn limit(most: usize) -> usize {
    if std::env::var_os("MEDIA_CONVERTER_MODEL").is_some() { usize::MAX } else { most }
}

fn holds(name: &str, model: Protocol, most: usize) {
    let name = format!("{name}, {:?}", model.handles);
    let found = explore(&name, model, limit(most));
    assert!(found.violated.is_empty(), "{name}: {:?}", found.violated);
    assert!(found.states > 1000, "{name}: the model hardly moved");
    assert_eq!(found.reached.len(), 3, "{name}: only {:?} was reached", found.reached);
}

const NO_LIMIT: usize = usize::MAX;

#[test]
fn two_workers_that_ask_twice_with_a_crash() {
    for handles in HANDLES {
        holds("2 workers x 2 claims, 1 crash", base(handles), NO_LIMIT);
    }
}

#[test]
fn three_workers_with_a_crash() {
    for handles in HANDLES {
        let model = Protocol { workers: 3, attempts: 1, ..base(handles) };
        let most = if handles == Handles::Names { NO_LIMIT } else { 400_000 };
        holds("3 workers x 1 claim, 1 crash", model, most);
    }
}

#[test]
fn three_workers_that_ask_twice_with_a_crash() {
    let model = Protocol { workers: 3, ..base(Handles::Names) };
    holds("3 workers x 2 claims, 1 crash", model, 600_000);
}

#[test]
fn two_workers_and_a_lost_reply() {
    for handles in HANDLES {
        holds(
            "2 workers x 2 claims, 1 crash, 1 lost reply",
            Protocol { delays: 1, ..base(handles) },
            600_000,
        );
    }
}

#[test]
fn two_workers_and_a_sweeper() {
    for handles in HANDLES {
        holds("2 workers x 2 claims, 1 crash, 1 sweep", Protocol { sweeps: 1, ..base(handles) }, NO_LIMIT);
    }
}

/// A planted bug has to be found, as a violation of one of these.
fn is_caught(model: Protocol, properties: &[&str]) {
    let name = format!("mutant {:?}, {:?}", model.bug, model.handles);
    let found = explore(&name, model, NO_LIMIT);
    let is_meant = |violated: &&str| properties.iter().any(|property| violated.starts_with(property));
    assert!(found.violated.iter().any(is_meant), "{name}: {:?}", found.violated);
}

fn mutant(bug: Bug, handles: Handles) -> Protocol {
    Protocol { bug, ..base(handles) }
}

#[test]
fn a_takeover_that_unlinks_and_creates_is_caught() {
    is_caught(mutant(Bug::Carried(Fault::UnlinkTakeover), Handles::Names), &["I1", "I4"]);
}

/// The revocation alone would catch most of it; it takes one that is late to show that the seal is needed.
#[test]
fn a_swap_without_a_seal_is_caught() {
    is_caught(Protocol { delays: 1, ..mutant(Bug::NoFence, Handles::Names) }, &["I1"]);
}

#[test]
fn trust_in_the_own_clock_is_caught() {
    is_caught(Protocol { delays: 1, ..mutant(Bug::WallClock, Handles::Names) }, &["I1"]);
}

#[test]
fn a_token_used_twice_is_caught() {
    is_caught(mutant(Bug::TokenReuse, Handles::Names), &["I"]);
}

/// A publish that was answered is a claim: it takes a lost answer to be under way still.
#[test]
fn a_takeover_while_the_own_publish_may_be_under_way_is_caught() {
    is_caught(Protocol { delays: 1, ..mutant(Bug::NoRetire, Handles::Names) }, &["I"]);
}

/// The simpler design, whose seal is a rename of the entry: not sound where a client acts on a handle that it opened
/// before, because two takers of one dead worker can each hold one.
#[test]
fn a_seal_that_is_a_rename_is_caught_with_handles() {
    let bug = Bug::Carried(Fault::SealInName);
    is_caught(Protocol { workers: 3, attempts: 1, ..mutant(bug, Handles::Entries) }, &["I1"]);
}

#[test]
fn a_seal_that_is_a_rename_would_do_where_the_server_looks_names_up() {
    let bug = Bug::Carried(Fault::SealInName);
    let found = explore("seal by rename, Names", mutant(bug, Handles::Names), NO_LIMIT);
    assert!(found.violated.is_empty(), "{:?}", found.violated);
}

#[test]
fn a_takeover_that_does_not_look_for_a_seal_is_caught() {
    is_caught(mutant(Bug::BlindTakeover, Handles::Names), &["I2"]);
}

#[test]
fn a_takeover_that_does_not_revoke_is_caught_with_cached_folders() {
    is_caught(mutant(Bug::NoRevoke, Handles::Folders), &["the holder can seal"]);
}

#[test]
fn a_release_that_removes_a_sealed_entry_is_caught_with_handles() {
    is_caught(mutant(Bug::Carried(Fault::ForcedDrop), Handles::Entries), &["I"]);
}
