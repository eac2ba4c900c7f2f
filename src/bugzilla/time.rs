//! Bugzilla's times: stored without zone, in the zone of its web server, to the second.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A time as Bugzilla stores it: naive, in its local zone, whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(DateTime);

/// The same time in UTC. Displays as the messages have it: `YYYY-MM-DDTHH:MM:SS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(Timestamp);

/// Bugzilla's local time zone (`[bugzilla] time_zone`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A time that Bugzilla cannot have meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeError {
    /// The zone's name is in no time zone database.
    #[error("{0:?} is not a time zone; give an IANA name such as \"UTC\" or \"Europe/Prague\"")]
    UnknownZone(String),
}

impl LocalTime {
    /// From the parts of a column; `None` for the zero date and other impossible ones.
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let year = i16::try_from(year).ok()?;
        let part = |n: u8| i8::try_from(n).ok();
        DateTime::new(year, part(month)?, part(day)?, part(hour)?, part(minute)?, part(second)?, 0).ok().map(LocalTime)
    }

    /// From `YYYY-MM-DD HH:MM:SS`, as databases print it; a fraction is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 19 || (bytes[10] != b' ' && bytes[10] != b'T') {
            return None;
        }
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
        let small = |range| number(range).and_then(|n| u8::try_from(n).ok());
        Self::new(number(0..4)?, small(5..7)?, small(8..10)?, small(11..13)?, small(14..16)?, small(17..19)?)
    }

    /// In UTC. In the hour that a zone repeats: the earlier reading; in the hour that it leaves out: the later.
    pub fn to_utc(self, zone: &Zone) -> UtcTime {
        let ambiguous = zone.0.to_ambiguous_timestamp(self.0);
        // Beyond jiff's range of years nothing is ambiguous any more; the reading as UTC is as good as any.
        let timestamp = ambiguous.compatible().unwrap_or_else(|_| {
            TimeZone::UTC.to_ambiguous_timestamp(self.0).compatible().unwrap_or(Timestamp::UNIX_EPOCH)
        });
        UtcTime(timestamp)
    }

    /// Whether this time was shown twice: in the hour that the zone repeats nobody can tell which of two times came first.
    pub fn is_repeated(self, zone: &Zone) -> bool {
        matches!(zone.0.to_ambiguous_timestamp(self.0).offset(), AmbiguousOffset::Fold { .. })
    }

    /// The local time of a moment, given in seconds since 1970.
    pub fn of_epoch(second: i64, zone: &Zone) -> Self {
        let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        LocalTime(zone.0.to_datetime(moment))
    }

    /// Seconds since 1970; see [`LocalTime::to_utc`].
    pub fn to_epoch(self, zone: &Zone) -> i64 {
        self.to_utc(zone).epoch_second()
    }

    /// Its place among all local times, in seconds; less than 15 hours off [`LocalTime::to_epoch`], whatever the zone.
    pub fn ordinal(self) -> i64 {
        self.to_epoch(&Zone(TimeZone::UTC))
    }

    /// The next second that a clock on the wall shows.
    #[must_use]
    pub fn a_second_later(self) -> Self {
        LocalTime(self.0.saturating_add(SignedDuration::from_secs(1)))
    }

    /// One hour back: as far as a repeated hour can turn the order of times around.
    #[must_use]
    pub fn an_hour_before(self) -> Self {
        LocalTime(self.0.saturating_sub(SignedDuration::from_hours(1)))
    }

    /// The parts, for SQL: `YYYY-MM-DD HH:MM:SS`.
    pub fn to_sql(self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

impl UtcTime {
    /// Whole seconds since 1970.
    pub fn epoch_second(self) -> i64 {
        self.0.as_second()
    }
}

/// A moment as people write it, in seconds since 1970: with an offset (`2026-11-01T00:00:00Z`), or without one in Bugzilla's zone.
pub fn moment(text: &str, zone: &Zone) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    text.parse::<DateTime>().ok().map(|local| LocalTime(local).to_epoch(zone))
}

/// As Bugzilla stores it.
impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_sql())
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = TimeZone::UTC.to_datetime(self.0);
        let (y, mo, d) = (t.year(), t.month(), t.day());
        write!(f, "{y:04}-{mo:02}-{d:02}T{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }
}

impl Zone {
    /// By IANA name; an error names what is accepted.
    pub fn named(name: &str) -> Result<Self, TimeError> {
        TimeZone::get(name).map(Zone).map_err(|_| TimeError::UnknownZone(name.to_owned()))
    }

    /// UTC, the default.
    pub fn utc() -> Self {
        Zone(TimeZone::UTC)
    }

    /// By which it can be had again.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(zone: &str, local: &str) -> String {
        LocalTime::parse(local).unwrap().to_utc(&Zone::named(zone).unwrap()).to_string()
    }

    #[test]
    fn local_times_become_utc() {
        assert_eq!(utc("UTC", "2026-11-22 05:32:10"), "2026-11-22T05:32:10");
        assert_eq!(utc("Australia/Brisbane", "2024-01-02 03:04:05"), "2024-01-01T17:04:05");
    }

    #[test]
    fn the_repeated_hour_is_read_as_its_first_pass() {
        assert_eq!(utc("Europe/Prague", "2026-10-25 02:30:00"), "2026-10-25T00:30:00");
    }

    #[test]
    fn only_the_hour_that_was_shown_twice_is_repeated() {
        let prague = Zone::named("Europe/Prague").unwrap();
        let repeated = |text| LocalTime::parse(text).unwrap().is_repeated(&prague);
        let times = ["2026-10-25 01:59:59", "2026-10-25 02:00:00", "2026-10-25 02:59:59", "2026-10-25 03:00:00"];
        assert_eq!(times.map(repeated), [false, true, true, false]);
        assert!(!LocalTime::parse("2026-10-25 02:30:00").unwrap().is_repeated(&Zone::utc()));
    }

    #[test]
    fn the_hour_that_never_was_is_read_as_the_later() {
        assert_eq!(utc("Europe/Prague", "2026-03-29 02:30:00"), "2026-03-29T01:30:00");
    }

    #[test]
    fn a_moment_is_read_with_its_offset_and_without_one_in_bugzillas_zone() {
        let read = |text| moment(text, &Zone::named("Europe/Prague").unwrap());
        assert_eq!(read("2026-11-22T05:00:00Z"), Some(1_795_323_600));
        assert_eq!(read("2026-11-22T06:00:00+01:00"), Some(1_795_323_600));
        assert_eq!(read("2026-11-22 06:00:00"), Some(1_795_323_600));
        assert_eq!(read("2026-11-22"), Some(1_795_302_000));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn a_local_time_is_found_again_from_its_epoch_second() {
        let prague = Zone::named("Europe/Prague").unwrap();
        let local = LocalTime::parse("2026-11-22 06:00:00").unwrap();
        assert_eq!(LocalTime::of_epoch(local.to_epoch(&prague), &prague), local);
    }

    #[test]
    fn impossible_times_are_none() {
        assert_eq!(LocalTime::parse("0000-00-00 00:00:00"), None);
        assert_eq!(LocalTime::parse("yesterday"), None);
        assert_eq!(LocalTime::new(2026, 13, 1, 0, 0, 0), None);
    }

    #[test]
    fn an_unknown_zone_is_refused_by_name() {
        let error = Zone::named("Europe/Atlantis").unwrap_err();
        assert!(error.to_string().contains("Europe/Atlantis"));
    }
}
