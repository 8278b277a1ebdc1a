//! When a scheduled action is due: `at(2026-01-01T08:00:00)`, `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)`.
//!
//! The last is the service's own dialect, which no crate reads: six fields, days of the week from 1 for Sunday,
//! and a question mark in one of the two fields that name days.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How far ahead a due time is looked for: a cron for 29 February waits at most eight years.
const DAYS_MAX: usize = 366 * 9;

/// A schedule that has been read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Schedule {
    At(DateTime),
    /// The time between two, in milliseconds.
    Rate(u64),
    Cron(Box<Cron>),
}

/// Days and times as a cron names them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Days,
    months: Vec<i16>,
    years: Vec<i16>,
}

#[derive(Clone, Debug, PartialEq)]
enum Days {
    OfMonth(Vec<DayOfMonth>),
    OfWeek(Vec<DayOfWeek>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum DayOfMonth {
    Day(i16),
    /// `L`
    Last,
    /// `15W`: the weekday nearest to it; `LW` is the last weekday of the month.
    NearestWeekday(Option<i16>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum DayOfWeek {
    /// From 1 for Sunday.
    Day(i16),
    /// `6L`: the last Friday of the month.
    Last(i16),
    /// `3#2`: the second Tuesday of the month.
    Nth(i16, i16),
}

impl Schedule {
    /// The schedule that a text names.
    pub fn parse(text: &str) -> Option<Schedule> {
        let (kind, rest) = text.trim().split_once('(')?;
        let inner = rest.strip_suffix(')')?.trim();
        match kind {
            "at" => Some(Schedule::At(DateTime::strptime("%Y-%m-%dT%H:%M:%S", inner).ok()?)),
            "rate" => {
                let (number, unit) = inner.split_once(' ')?;
                let number: u64 = number
                    .parse()
                    .ok()
                    .filter(|number| (1..=1_000_000).contains(number))?;
                let unit_ms = match (unit.trim(), number) {
                    ("minute", 1) | ("minutes", 2..) => 60_000,
                    ("hour", 1) | ("hours", 2..) => 3_600_000,
                    ("day", 1) | ("days", 2..) => 86_400_000,
                    _ => return None,
                };
                Some(Schedule::Rate(number * unit_ms))
            }
            "cron" => Cron::parse(inner).map(|cron| Schedule::Cron(Box::new(cron))),
            _ => None,
        }
    }

    /// The first time after `after_ms` at which it is due, of a schedule that began at `base_ms`; in
    /// milliseconds since the Unix epoch.
    pub fn next_ms(&self, zone: &TimeZone, base_ms: u64, after_ms: u64) -> Option<u64> {
        match self {
            Schedule::At(time) => moment_ms(*time, zone).filter(|due_ms| *due_ms > after_ms),
            Schedule::Rate(period_ms) => {
                if base_ms > after_ms {
                    return Some(base_ms);
                }
                let passed = (after_ms - base_ms) / period_ms;
                Some(base_ms + (passed + 1) * period_ms)
            }
            Schedule::Cron(cron) => cron.next_ms(zone, after_ms),
        }
    }
}

/// The time zone of that name; UTC where none is named.
pub(super) fn zone(name: Option<&str>) -> Option<TimeZone> {
    match name {
        None => Some(TimeZone::UTC),
        Some(name) => TimeZone::get(name).ok(),
    }
}

fn moment_ms(time: DateTime, zone: &TimeZone) -> Option<u64> {
    // A time that a clock skips is the one it shows instead; of one that it shows twice, the first.
    let moment = zone.to_ambiguous_timestamp(time).compatible().ok()?;
    u64::try_from(moment.as_millisecond()).ok()
}

impl Cron {
    fn parse(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields[..] else {
            return None;
        };
        const MONTHS: [&str; 12] = [
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ];
        let days = match (of_month, of_week) {
            ("?", "?") => return None,
            (of_month, "?") => Days::OfMonth(days_of_month(of_month)?),
            ("?", of_week) => Days::OfWeek(days_of_week(of_week)?),
            _ => return None,
        };
        Some(Cron {
            minutes: numbers(minutes, 0, 59, &[])?,
            hours: numbers(hours, 0, 23, &[])?,
            days,
            months: numbers(months, 1, 12, &MONTHS)?,
            years: numbers(years, 1970, 2199, &[])?,
        })
    }

    fn next_ms(&self, zone: &TimeZone, after_ms: u64) -> Option<u64> {
        let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
        let first = zone.to_datetime(after).date();
        // A day that begins twice may have a time left that lies on the day before.
        let days = first.yesterday().ok()?.series(1.day()).take(DAYS_MAX);
        for day in days.filter(|day| self.has_day(*day)) {
            let times = self
                .hours
                .iter()
                .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
            let due = times
                .filter_map(|(hour, minute)| {
                    let time = Time::new(hour as i8, minute as i8, 0, 0).ok()?;
                    moment_ms(day.to_datetime(time), zone)
                })
                .filter(|due_ms| *due_ms > after_ms)
                .min();
            if due.is_some() {
                return due;
            }
        }
        None
    }

    fn has_day(&self, day: Date) -> bool {
        if !self.years.contains(&day.year()) || !self.months.contains(&i16::from(day.month())) {
            return false;
        }
        match &self.days {
            Days::OfMonth(days) => days.iter().any(|wanted| wanted.is(day)),
            Days::OfWeek(days) => days.iter().any(|wanted| wanted.is(day)),
        }
    }
}

impl DayOfMonth {
    fn is(self, day: Date) -> bool {
        let last = i16::from(day.days_in_month());
        let number = i16::from(day.day());
        match self {
            DayOfMonth::Day(wanted) => number == wanted,
            DayOfMonth::Last => number == last,
            DayOfMonth::NearestWeekday(wanted) => {
                let wanted = wanted.unwrap_or(last).min(last);
                let weekday = |number: i16| {
                    let day = Date::new(day.year(), day.month(), number as i8).ok()?;
                    Some(weekday_of(day))
                };
                let nearest = match weekday(wanted) {
                    // Saturday goes back and Sunday ahead, but not out of the month.
                    Some(7) if wanted > 1 => wanted - 1,
                    Some(7) => wanted + 2,
                    Some(1) if wanted < last => wanted + 1,
                    Some(1) => wanted - 2,
                    _ => wanted,
                };
                number == nearest
            }
        }
    }
}

impl DayOfWeek {
    fn is(self, day: Date) -> bool {
        let number = i16::from(day.day());
        let weekday = weekday_of(day);
        match self {
            DayOfWeek::Day(wanted) => weekday == wanted,
            DayOfWeek::Last(wanted) => weekday == wanted && number + 7 > i16::from(day.days_in_month()),
            DayOfWeek::Nth(wanted, nth) => weekday == wanted && (number - 1) / 7 + 1 == nth,
        }
    }
}

/// From 1 for Sunday.
fn weekday_of(day: Date) -> i16 {
    i16::from(day.weekday().to_sunday_one_offset())
}

/// A number within bounds, or the name of one: names stand for the numbers from `min` on.
fn number(text: &str, min: i16, max: i16, names: &[&str]) -> Option<i16> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    match named {
        Some(place) => Some(min + place as i16),
        None => text.parse().ok().filter(|number| (min..=max).contains(number)),
    }
}

/// The numbers that a field names: `*`, `5`, `1-5`, `0/15`, `*/2`, and lists of these.
fn numbers(text: &str, min: i16, max: i16, names: &[&str]) -> Option<Vec<i16>> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step: &usize| *step > 0)?),
            None => (part, 1),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((low, high)) => (number(low, min, max, names)?, number(high, min, max, names)?),
            None => {
                let low = number(range, min, max, names)?;
                (low, if part.contains('/') { max } else { low })
            }
        };
        if low > high {
            return None;
        }
        found.extend((low..=high).step_by(step));
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn days_of_month(text: &str) -> Option<Vec<DayOfMonth>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part {
            "L" => days.push(DayOfMonth::Last),
            "LW" => days.push(DayOfMonth::NearestWeekday(None)),
            part => match part.strip_suffix('W') {
                Some(day) => days.push(DayOfMonth::NearestWeekday(Some(number(day, 1, 31, &[])?))),
                None => days.extend(numbers(part, 1, 31, &[])?.into_iter().map(DayOfMonth::Day)),
            },
        }
    }
    Some(days)
}

fn days_of_week(text: &str) -> Option<Vec<DayOfWeek>> {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let day = |text: &str| number(text, 1, 7, &NAMES);
    let mut days = Vec::new();
    for part in text.split(',') {
        if part == "L" {
            days.push(DayOfWeek::Day(7));
        } else if let Some(last) = part.strip_suffix('L') {
            days.push(DayOfWeek::Last(day(last)?));
        } else if let Some((wanted, nth)) = part.split_once('#') {
            days.push(DayOfWeek::Nth(day(wanted)?, number(nth, 1, 5, &[])?));
        } else {
            days.extend(numbers(part, 1, 7, &NAMES)?.into_iter().map(DayOfWeek::Day));
        }
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        text.parse::<Timestamp>().unwrap().as_millisecond() as u64
    }

    #[test]
    fn schedules_are_due_when_they_say() {
        let cases = [
            (
                "at(2026-03-01T08:00:00)",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2026-03-01T08:00:00Z"),
            ),
            ("at(2026-03-01T08:00:00)", "UTC", "2026-03-01T08:00:00Z", None),
            (
                "at(2026-07-01T08:00:00)",
                "Europe/Berlin",
                "2026-01-01T00:00:00Z",
                Some("2026-07-01T06:00:00Z"),
            ),
            (
                "rate(5 minutes)",
                "UTC",
                "2026-01-01T00:07:00Z",
                Some("2026-01-01T00:10:00Z"),
            ),
            (
                "rate(1 day)",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2026-01-02T00:00:00Z"),
            ),
            (
                "cron(0 8 * * ? *)",
                "UTC",
                "2026-01-01T08:00:00Z",
                Some("2026-01-02T08:00:00Z"),
            ),
            (
                "cron(0/15 * * * ? *)",
                "UTC",
                "2026-01-01T00:01:00Z",
                Some("2026-01-01T00:15:00Z"),
            ),
            (
                "cron(30 18 ? * MON-FRI *)",
                "UTC",
                "2026-01-02T18:30:00Z",
                Some("2026-01-05T18:30:00Z"),
            ),
            (
                "cron(0 0 L * ? *)",
                "UTC",
                "2026-02-01T00:00:00Z",
                Some("2026-02-28T00:00:00Z"),
            ),
            (
                "cron(0 0 31W * ? *)",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2026-01-30T00:00:00Z"),
            ),
            (
                "cron(0 0 1W * ? *)",
                "UTC",
                "2026-02-01T00:00:00Z",
                Some("2026-02-02T00:00:00Z"),
            ),
            (
                "cron(0 0 ? * 6L *)",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2026-01-30T00:00:00Z"),
            ),
            (
                "cron(0 0 ? * TUE#2 *)",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2026-01-13T00:00:00Z"),
            ),
            (
                "cron(0 0 29 FEB ? *)",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2028-02-29T00:00:00Z"),
            ),
            ("cron(0 0 1 1 ? 2025)", "UTC", "2026-01-01T00:00:00Z", None),
            (
                "cron(30 2 29 3 ? 2026)",
                "Europe/Berlin",
                "2026-01-01T00:00:00Z",
                Some("2026-03-29T01:30:00Z"),
            ),
            (
                "cron(0 9 ? * * *)",
                "America/New_York",
                "2026-01-01T00:00:00Z",
                Some("2026-01-01T14:00:00Z"),
            ),
        ];
        for (text, zone_name, after, expected) in cases {
            let schedule = Schedule::parse(text).unwrap_or_else(|| panic!("{text}"));
            let zone = zone(Some(zone_name)).unwrap_or_else(|| panic!("{zone_name}"));
            let next_ms = schedule.next_ms(&zone, ms("2026-01-01T00:00:00Z"), ms(after));
            assert_eq!(next_ms, expected.map(ms), "{text} after {after}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "at()",
            "at(2026-02-30T00:00:00)",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(5 weeks)",
            "cron(* * * * * *)",
            "cron(* * ? * ? *)",
            "cron(60 * * * ? *)",
            "cron(* * * * ?)",
            "cron(5-1 * * * ? *)",
            "cron(* * ? * 8 *)",
            "cron(*/0 * * * ? *)",
            "cron(* * ? * 1#6 *)",
            "every day",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
        assert_eq!(zone(Some("Europe/Nowhere")), None);
    }
}
