//! Who looks at what when: folders in an order that no other machine has, and so many files at once, whether they lie in many
//! folders or in one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Up to so many files of one folder are looked at one after the other: other folders fill the time.
const FEW: usize = 16;

/// Turns at looking at a file.
#[derive(Debug)]
pub struct Turns {
    all: usize,
    free: Mutex<usize>,
    changed: Condvar,
}

impl Turns {
    /// So many at once, at least one.
    pub fn new(all: usize) -> Self {
        Self { all: all.max(1), free: Mutex::new(all.max(1)), changed: Condvar::new() }
    }

    /// Looks at each of a folder's files; the answers in their order.
    pub fn each<T: Sync, A: Send>(&self, files: &[T], look: impl Fn(&T) -> A + Sync) -> Vec<A> {
        let one = |file: &T| {
            let _turn = self.wait();
            look(file)
        };
        if files.len() <= FEW || self.all == 1 {
            return files.iter().map(one).collect();
        }
        let next = AtomicUsize::new(0);
        let share = || {
            let mut answers = Vec::new();
            while let Some(file) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                files.get(at).map(|file| (at, file))
            } {
                answers.push((file.0, one(file.1)));
            }
            answers
        };
        let mut answers: Vec<(usize, A)> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..self.all.min(files.len())).map(|_| scope.spawn(share)).collect();
            let join = |helper: std::thread::ScopedJoinHandle<'_, Vec<(usize, A)>>| match helper.join() {
                Ok(answers) => answers,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            helpers.into_iter().flat_map(join).collect()
        });
        answers.sort_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    fn wait(&self) -> Turn<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.changed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Turn(self)
    }
}

struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

/// Things that are taken in any order, another on each machine.
#[derive(Debug)]
pub struct Pile<T> {
    inside: Mutex<Inside<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inside<T> {
    things: Vec<T>,
    /// Nothing more will be put in.
    ended: bool,
    dice: u64,
}

impl<T> Pile<T> {
    /// An empty one; other numbers, other orders.
    pub fn new(seed: u64) -> Self {
        let inside = Inside { things: Vec::new(), ended: false, dice: seed | 1 << 63 };
        Self { inside: Mutex::new(inside), changed: Condvar::new() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, thing: T) {
        self.lock().things.push(thing);
        self.changed.notify_one();
    }

    /// Any of them, once there is one; `None`: nothing is left, and nothing will come.
    pub fn take(&self) -> Option<T> {
        let mut inside = self.lock();
        while inside.things.is_empty() {
            if inside.ended {
                return None;
            }
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        // Marsaglia's xorshift.
        inside.dice ^= inside.dice << 13;
        inside.dice ^= inside.dice >> 7;
        inside.dice ^= inside.dice << 17;
        let at = (inside.dice % inside.things.len() as u64) as usize;
        Some(inside.things.swap_remove(at))
    }

    /// Ends it when dropped, also by a panic: those who take must not wait for ever.
    pub fn ends(&self) -> Ends<'_, T> {
        Ends(self)
    }
}

/// The end of a pile.
#[must_use = "it ends when this is dropped"]
#[derive(Debug)]
pub struct Ends<'a, T>(&'a Pile<T>);

impl<T> Drop for Ends<'_, T> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pile_gives_each_thing_once_in_an_order_of_its_own_and_ends() {
        let order = |seed| {
            let pile = Pile::new(seed);
            let ends = pile.ends();
            (0..100).for_each(|thing| pile.put(thing));
            drop(ends);
            std::iter::from_fn(|| pile.take()).collect::<Vec<u32>>()
        };
        let (one, other) = (order(1), order(2));
        assert!(one != other && one.iter().zip(&other).filter(|(a, b)| a == b).count() < 20);
        for mut all in [one, other] {
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn answers_come_in_order_and_no_more_than_so_many_are_asked_at_once() {
        let turns = Turns::new(3);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let look = |file: &usize| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            file * 2
        };
        for count in [0, 1, FEW, 200] {
            let files: Vec<usize> = (0..count).collect();
            let answers = std::thread::scope(|scope| {
                let twin = scope.spawn(|| turns.each(&files, look));
                assert_eq!(turns.each(&files, look), twin.join().expect("no panic"));
                turns.each(&files, look)
            });
            assert_eq!(answers, files.iter().map(|file| file * 2).collect::<Vec<_>>());
        }
        assert!(most.load(Ordering::SeqCst) <= 3);
    }
}
