//! A watch between its passes: it rests with an eye on wishes and on what comes.

use std::path::PathBuf;
use std::time::Duration;

use super::Run;
use super::lookout::{Lookout, Rest};
use super::passes::{Hand, Serving};
use crate::model::error::Error;
use crate::model::event::Level;
use crate::scan::walk::{Folder, Found};
use crate::share::library;
use crate::sys;
use crate::sys::stop;

/// A watch at rest looks for wishes and news this often; a machine at work, before each conversion.
const GLANCE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Why a library cannot be looked at now, if so. A share that is not mounted is no empty library.
    pub(super) fn gone(&self) -> Option<Error> {
        self.libraries.iter().find_map(|(path, library)| library::open(path, Some(&library.id), false).err())
    }

    /// Rests, with an eye on wishes and news. True: asked to stop.
    pub(super) fn rest(&self, time: Duration, hand: &mut Hand<'_>) -> bool {
        let until = sys::clock::boot() + time;
        loop {
            let left = until.saturating_sub(sys::clock::boot());
            if left.is_zero() || hand.lookout.as_ref().is_some_and(Lookout::wants_all) {
                return false;
            }
            if stop::sleep(left.min(GLANCE)) {
                return true;
            }
            self.serve_wishes(hand);
            self.serve_news(hand);
            self.ledger.flush_all(self.sink.as_ref());
        }
    }

    /// Notes a folder that was listed.
    pub(super) fn mark(&self, lookout: &mut Lookout, folder: &Folder) {
        if let Some(lie) = lookout.saw(folder, sys::clock::boot()) {
            self.note(Level::Warn, None, lie);
        }
    }

    /// Does what came since it was looked at, before the backlog. True: something was handed to a slot.
    pub(super) fn serve_news(&self, hand: &mut Hand<'_>) -> bool {
        // While a walk goes on, folders are new that it has not reached.
        if hand.serving >= Serving::News || self.options.dry_run || !hand.stream.has_ended() {
            return false;
        }
        let Some(lookout) = &mut hand.lookout else { return false };
        let mut changed: Vec<PathBuf> = lookout.changed(sys::clock::boot());
        changed.sort();
        if changed.is_empty() || self.gone().is_some() {
            return false;
        }
        let walk = lookout.look(&changed, &self.options.bounds);
        let before = hand.sent;
        let serving = std::mem::replace(&mut hand.serving, Serving::News);
        for found in walk {
            if self.over() {
                break;
            }
            match found {
                Found::Folder(folder) => self.look_at_news(folder, hand),
                Found::Unreadable { path, .. } => {
                    if let Some(lookout) = &mut hand.lookout {
                        lookout.forget(&path);
                    }
                }
                Found::Odd { .. } => {}
            }
        }
        hand.serving = serving;
        hand.sent > before
    }

    fn look_at_news(&self, mut folder: Folder, hand: &mut Hand<'_>) {
        let Some(lookout) = &mut hand.lookout else { return };
        let is_new = lookout.is_new(&folder.path);
        let (new, lie) = lookout.news_of(&folder, sys::clock::boot());
        if let Some(lie) = lie {
            self.note(Level::Warn, None, lie);
        }
        // The backlog keeps its order.
        let all = std::mem::replace(&mut folder.files, new);
        let young = hand.young.len();
        let settled = self.choose_folder(&folder, hand);
        let rest = match settled {
            true if is_new => Rest::New,
            true => Rest::Done,
            false if hand.young.len() > young => Rest::Young,
            false => Rest::Open,
        };
        // They are looked at again here; those of the pass wait for its end.
        hand.young.truncate(young);
        folder.files = all;
        if let Some(lookout) = &mut hand.lookout {
            lookout.looked(&folder, rest, sys::clock::boot());
        }
    }
}
