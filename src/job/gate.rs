//! Whether jobs may run at this moment. Set by the worker's warden, asked by every job between two looks at its ffmpeg.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the machine and its people allow now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Word {
    #[default]
    Go,
    /// Running jobs go on, new ones wait; why, in words.
    Hold(String),
    /// Running jobs are stopped where they are, claims and heartbeats go on.
    Pause(String),
    /// This machine is sick: jobs are dropped and their claims released, so that others can do the work.
    Leave(String),
}

impl Word {
    /// Why it is not [`Word::Go`].
    pub fn why(&self) -> Option<&str> {
        match self {
            Word::Go => None,
            Word::Hold(why) | Word::Pause(why) | Word::Leave(why) => Some(why),
        }
    }
}

/// The word, and who waits for another.
#[derive(Debug, Default)]
pub struct Gate {
    word: Mutex<Word>,
    changed: Condvar,
}

impl Gate {
    /// Says what holds from now on; true: it is news. Whoever has left does not come back.
    pub fn say(&self, word: Word) -> bool {
        let mut now = self.lock();
        if *now == word || matches!(*now, Word::Leave(_)) {
            return false;
        }
        *now = word;
        self.changed.notify_all();
        true
    }

    pub fn word(&self) -> Word {
        self.lock().clone()
    }

    /// Waits at most `time` for another word than Hold and Pause; returns the word then.
    pub fn wait(&self, time: Duration) -> Word {
        let shut = |word: &mut Word| matches!(word, Word::Hold(_) | Word::Pause(_));
        let (word, _) =
            self.changed.wait_timeout_while(self.lock(), time, shut).unwrap_or_else(PoisonError::into_inner);
        word.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Word> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
