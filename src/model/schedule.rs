//! Hours of the week in which work may be done, as people write them: `Mon-Fri 22:00-07:00`, `Sat-Sun`. Pure.

use std::fmt;

/// Minutes of a day and of a week.
const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A moment of the week by this machine's own clock and time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Monday is 0.
    pub day: u32,
    /// Minutes since midnight.
    pub minute: u32,
}

impl Moment {
    fn of_week(self) -> u32 {
        (self.day % 7) * DAY + self.minute % DAY
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DAYS[(self.day % 7) as usize];
        let (first, rest) = day.split_at(1);
        write!(f, "{}{rest} {:02}:{:02}", first.to_uppercase(), self.minute / 60, self.minute % 60)
    }
}

/// Windows of the week; none at all means always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// (first minute of the week, length in minutes); one that runs over Sunday's midnight goes on on Monday.
    windows: Vec<(u32, u32)>,
}

impl Schedule {
    /// Reads windows; an error says which one and what would be right.
    pub fn parse(items: &[String]) -> Result<Self, String> {
        let mut windows = Vec::new();
        for item in items {
            windows.extend(window(item).ok_or_else(|| {
                format!(
                    "«{item}» is no window of the week; write days, hours or both: \"Mon-Fri 22:00-07:00\", \"Sat-Sun\", \"01:00-06:30\""
                )
            })?);
        }
        Ok(Self { windows })
    }

    /// Work may be done at this moment.
    pub fn is_open(&self, at: Moment) -> bool {
        let at = at.of_week();
        self.windows.is_empty()
            || self.windows.iter().any(|(first, length)| (at + WEEK - first) % WEEK < *length)
    }

    /// The next moment at which it is open; `None` where that is always.
    pub fn opens(&self, at: Moment) -> Option<Moment> {
        let now = at.of_week();
        let wait = |first: u32| (first + WEEK - now) % WEEK;
        let first = self.windows.iter().map(|(first, _)| *first).min_by_key(|first| wait(*first))?;
        Some(Moment { day: first / DAY, minute: first % DAY })
    }
}

/// One item: days, hours, or both. Hours that end before they begin run over midnight.
fn window(text: &str) -> Option<Vec<(u32, u32)>> {
    let lower = text.trim().to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let (days, hours) = match words[..] {
        [one] if one.contains(':') => (vec![0, 1, 2, 3, 4, 5, 6], hours(one)?),
        [one] => (days(one)?, (0, DAY)),
        [first, second] => (days(first)?, hours(second)?),
        _ => return None,
    };
    Some(days.into_iter().map(|day| (day * DAY + hours.0, hours.1)).collect())
}

/// `mon-fri`, `sat,sun`, `fri-mon`.
fn days(text: &str) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        loop {
            found.push(at);
            if at == last {
                break;
            }
            at = (at + 1) % 7;
        }
    }
    Some(found)
}

/// A day by its name, whole or its first three letters.
fn day(name: &str) -> Option<u32> {
    const LONG: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let at = DAYS.iter().position(|day| *day == name).or_else(|| LONG.iter().position(|day| *day == name))?;
    u32::try_from(at).ok()
}

/// First minute and length.
fn hours(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (clock(from)?, clock(to)?);
    if from >= DAY {
        return None;
    }
    Some((from, if to > from { to - from } else { to + DAY - from }))
}

/// `22:00`; `24:00` is the end of the day.
fn clock(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    if hour.is_empty() || hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::{Moment, Schedule, WEEK};

    fn schedule(items: &[&str]) -> Schedule {
        Schedule::parse(&items.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    fn at(text: &str) -> Moment {
        let (day, clock) = text.split_once(' ').unwrap();
        Moment { day: super::day(&day.to_lowercase()).unwrap(), minute: super::clock(clock).unwrap() }
    }

    #[track_caller]
    fn check(items: &[&str], open: &[&str], shut: &[&str]) {
        let schedule = schedule(items);
        for moment in open {
            assert!(schedule.is_open(at(moment)), "{items:?} at {moment}");
        }
        for moment in shut {
            assert!(!schedule.is_open(at(moment)), "{items:?} at {moment}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        check(
            &["Mon-Fri 22:00-07:00"],
            &["Mon 22:00", "Mon 23:59", "Tue 06:59", "Sat 06:59", "Fri 22:00"],
            &["Mon 06:59", "Mon 21:59", "Tue 07:00", "Sat 07:00", "Sat 23:00", "Sun 03:00"],
        );
        check(&["Sun 23:00-02:00"], &["Sun 23:00", "Mon 00:00", "Mon 01:59"], &["Mon 02:00", "Sun 01:00"]);
    }

    #[test]
    fn days_hours_lists_and_turns_of_the_week_are_read() {
        check(&["Sat-Sun"], &["Sat 00:00", "Sun 23:59"], &["Fri 23:59", "Mon 00:00"]);
        check(&["fri-mon"], &["Fri 00:00", "Sun 12:00", "Mon 23:59"], &["Tue 00:00", "Thu 23:59"]);
        check(&["Monday,wed 9:30-10:00"], &["Mon 09:30", "Wed 09:59"], &["Mon 10:00", "Tue 09:45"]);
        check(&["01:00-06:30"], &["Mon 01:00", "Sun 06:29"], &["Mon 00:59", "Mon 06:30"]);
        check(&["00:00-24:00"], &["Mon 00:00", "Sun 23:59"], &[]);
        check(&["12:00-12:00"], &["Mon 12:00", "Tue 11:59"], &[]);
        check(&["Sat", "Mon-Fri 20:00-22:00"], &["Sat 01:00", "Tue 21:00"], &["Sun 21:00", "Tue 22:00"]);
        check(&[], &["Mon 00:00", "Thu 13:37"], &[]);
    }

    #[test]
    fn what_is_no_window_is_refused_by_name() {
        for wrong in [
            "",
            "night",
            "Mon 22",
            "Mon 22:00",
            "25:00-26:00",
            "Mon 22:00-7",
            "Mon Tue Wed",
            "22:60-23:00",
            "24:00-01:00",
            "1:2-3:4",
        ] {
            let why = Schedule::parse(&[wrong.to_owned()]).unwrap_err();
            assert!(why.contains(&format!("«{wrong}»")), "{why}");
        }
    }

    #[test]
    fn the_next_opening_is_named() {
        let nights = schedule(&["Mon-Fri 22:00-07:00", "Sat 10:00-12:00"]);
        assert_eq!(nights.opens(at("Tue 12:00")).unwrap().to_string(), "Tue 22:00");
        assert_eq!(nights.opens(at("Sat 08:00")).unwrap().to_string(), "Sat 10:00");
        assert_eq!(nights.opens(at("Sun 08:00")).unwrap().to_string(), "Mon 22:00");
        assert_eq!(schedule(&[]).opens(at("Sun 08:00")), None);
    }

    #[test]
    fn every_minute_of_the_week_is_inside_or_outside_as_a_plain_count_says() {
        let schedule = schedule(&["Thu-Sun 18:15-03:45"]);
        let open = (0..WEEK)
            .filter(|minute| schedule.is_open(Moment { day: minute / 1440, minute: minute % 1440 }))
            .count();
        assert_eq!(open, 4 * (5 * 60 + 45 + 3 * 60 + 45));
    }
}
