//! Is this machine itself sick? Counts what cannot be the files' doing. Pure: outcomes and clocks come in; the worker makes
//! the examination that is asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::outcome::{FailCode, Outcome};

/// Failures in a row, on different files, before the machine is examined; where that finds nothing, as many more.
const EXAMINE: u32 = 3;
/// And before it withdraws whatever the examination says: something is wrong that we do not know how to look for.
const ENOUGH: u32 = 10;
/// A clock that jumps more than this is put right or put wrong.
const JUMP: f64 = 30.0;
/// Once is a clock that was put right after the start; this often within an hour is a clock that nobody can trust.
const JUMPS: usize = 3;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// Look whether share, scratch and encoder still work.
    Examination,
    /// Leave the work to others; why.
    Withdrawal(String),
}

/// What has gone wrong lately.
#[derive(Clone, Debug, Default)]
pub struct Health {
    in_a_row: u32,
    last: Option<PathBuf>,
    /// Wall time less time since boot, and when it jumped.
    offset: Option<f64>,
    jumps: Vec<Duration>,
}

impl Health {
    /// A job ended.
    pub fn job(&mut self, path: &Path, outcome: &Outcome) -> Need {
        match outcome {
            Outcome::Converted(_) => {
                self.in_a_row = 0;
                return Need::Nothing;
            }
            outcome if is_suspicious(outcome) => {}
            // Says nothing about the machine.
            Outcome::Skipped(_) | Outcome::Failed(_) => return Need::Nothing,
        }
        if self.last.as_deref() != Some(path) {
            self.in_a_row += 1;
            self.last = Some(path.to_owned());
        }
        match self.in_a_row {
            0 => Need::Nothing,
            n if n >= ENOUGH => {
                Need::Withdrawal(format!("{n} files in a row failed here, and no reason was found"))
            }
            n if n % EXAMINE == 0 => Need::Examination,
            _ => Need::Nothing,
        }
    }

    /// Looks at the clocks: wall time in seconds, time since boot.
    pub fn clocks(&mut self, wall: f64, boot: Duration) -> Need {
        let offset = wall - boot.as_secs_f64();
        let before = self.offset.replace(offset);
        if before.is_some_and(|before| (offset - before).abs() > JUMP) {
            self.jumps.push(boot);
        }
        self.jumps.retain(|at| boot.saturating_sub(*at) < Duration::from_secs(3600));
        if self.jumps.len() >= JUMPS {
            return Need::Withdrawal(format!(
                "this machine's clock jumped {} times within an hour; set it up to follow a time server",
                self.jumps.len()
            ));
        }
        Need::Nothing
    }
}

/// A failure that is not the file's fault, and not another worker's or the user's doing.
pub fn is_suspicious(outcome: &Outcome) -> bool {
    let Outcome::Failed(failed) = outcome else { return false };
    match failed.code {
        FailCode::Encode
        | FailCode::Stalled
        | FailCode::Killed
        | FailCode::Verify
        | FailCode::Space
        | FailCode::ReadOnly
        | FailCode::Io => true,
        FailCode::Unreadable
        | FailCode::Damaged
        | FailCode::Truncated
        | FailCode::SourceChanged
        | FailCode::ClaimLost
        | FailCode::Interrupted => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::{Converted, Failed};

    fn failed(code: FailCode) -> Outcome {
        Outcome::Failed(Failed { code, words: String::new(), hint: None, stderr: None, retry: true })
    }

    fn good() -> Outcome {
        Outcome::Converted(Converted::default())
    }

    fn file(n: u32) -> PathBuf {
        PathBuf::from(format!("{n}.mkv"))
    }

    #[test]
    fn three_in_a_row_on_different_files_ask_for_an_examination_and_ten_are_enough() {
        let mut health = Health::default();
        let needs: Vec<Need> = (1..=10).map(|n| health.job(&file(n), &failed(FailCode::Encode))).collect();
        for (n, need) in (1..).zip(&needs) {
            match n {
                3 | 6 | 9 => assert_eq!(*need, Need::Examination, "{n}"),
                10 => assert!(matches!(need, Need::Withdrawal(_)), "{need:?}"),
                _ => assert_eq!(*need, Need::Nothing, "{n}"),
            }
        }
    }

    #[test]
    fn a_success_between_them_or_one_file_alone_is_no_sickness() {
        let mut health = Health::default();
        for n in 0..20 {
            assert_eq!(health.job(&file(n), &failed(FailCode::Io)), Need::Nothing);
            assert_eq!(health.job(&file(n), &failed(FailCode::Io)), Need::Nothing);
            if n % 2 == 1 {
                assert_eq!(health.job(&file(n + 100), &good()), Need::Nothing);
            }
        }
        let mut health = Health::default();
        for _ in 0..50 {
            assert_eq!(health.job(&file(1), &failed(FailCode::Stalled)), Need::Nothing);
        }
    }

    #[test]
    fn damaged_files_and_other_peoples_claims_say_nothing_about_the_machine() {
        let mut health = Health::default();
        for n in 0..50 {
            for code in
                [FailCode::Damaged, FailCode::ClaimLost, FailCode::Interrupted, FailCode::SourceChanged]
            {
                assert_eq!(health.job(&file(n), &failed(code)), Need::Nothing);
            }
        }
    }

    #[test]
    fn a_clock_that_is_put_right_once_is_fine_and_one_that_keeps_jumping_is_not() {
        let mut health = Health::default();
        let mut need = Need::Nothing;
        for second in 0..600_u32 {
            // Drifts a little, and jumps by a minute every 100 s from 200 on.
            let jumps = f64::from(second.saturating_sub(100) / 100);
            let wall = 1.7e9 + f64::from(second) * 1.0001 + jumps * 60.0;
            need = health.clocks(wall, Duration::from_secs(u64::from(second)));
            if second < 400 {
                assert_eq!(need, Need::Nothing, "{second}");
            }
        }
        assert!(matches!(need, Need::Withdrawal(why) if why.contains("clock")));
    }

    #[test]
    fn a_laptop_that_slept_has_no_jumping_clock() {
        let mut health = Health::default();
        for hour in 0..24_u32 {
            // The clock since boot counts the sleep.
            let at = f64::from(hour) * 3600.0;
            assert_eq!(health.clocks(1.7e9 + at, Duration::from_secs_f64(at)), Need::Nothing);
        }
    }
}
