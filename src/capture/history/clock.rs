//! Whether Bugzilla's times are in the zone that is configured: the server's clock and its newest save tell, as far as they can. Pure.

use crate::bugzilla::{LocalTime, Zone};

/// A clock may be off by so many seconds; zones mostly differ by half an hour or more.
const APART: i64 = 15 * 60;

/// Between two looks that are nearer than this, in seconds, a save that came bears the time of then, be it off by [`APART`]: no other zone's.
const LOOKS_APART: i64 = 10 * 60;

/// What the clocks show at one moment.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The server's, in seconds since 1970.
    pub now: i64,
    /// This machine's.
    pub here: i64,
    /// What the server shows to sessions such as ours: Bugzilla dates its rows by it, unless its sessions have another zone.
    pub shown: LocalTime,
    /// What the server calls the zone of its sessions.
    pub called: String,
    /// When a bug was last saved.
    pub newest: Option<LocalTime>,
    /// A save was seen to come, and bore the time of the zone that is configured.
    pub witnessed: bool,
}

/// What is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// One of two machines is wrong.
    #[error(
        "the database's clock differs from this machine's by {0} s: mend the one that is wrong (`date -u`, `SELECT CURRENT_TIMESTAMP`)"
    )]
    Apart(i64),
    /// A bug was saved in the future.
    #[error(
        "Bugzilla's times are not in the zone {zone}, where it is {here}: the newest of them is {newest} (or the database's clock was \
         ahead for a while: then this is over when that time has come)"
    )]
    Ahead {
        /// As configured.
        zone: String,
        /// What a clock there shows.
        here: LocalTime,
        /// The last save of a bug.
        newest: LocalTime,
    },
    /// The server's sessions have another zone, and no save of late says that Bugzilla's do not.
    #[error("the database shows {shown} where it is {here} in the zone {zone}: Bugzilla's times are not in that zone")]
    Elsewhere {
        /// As configured.
        zone: String,
        /// What a clock there shows.
        here: LocalTime,
        /// What the server shows.
        shown: LocalTime,
    },
}

impl Clock {
    /// What an earlier look says beside this one. A save that came between the two tells which zone Bugzilla's sessions have.
    #[must_use]
    pub(super) fn after(self, earlier: &Clock, zone: &Zone) -> Self {
        let offset = |clock: &Clock| clock.shown.ordinal() - clock.now;
        let came = self.newest > earlier.newest && (0..=LOOKS_APART).contains(&(self.now - earlier.now));
        let fits = |newest: LocalTime| (newest.to_epoch(zone) - self.now).abs() <= APART;
        let witnessed = if came { self.newest.is_some_and(fits) } else { earlier.witnessed };
        // Whoever gives the server another zone may have given it to Bugzilla.
        let is_as_it_was = (offset(&self) - offset(earlier)).abs() <= APART;
        Clock { witnessed: witnessed && is_as_it_was, ..self }
    }

    /// Whether all that is dated can be compared: times are in this zone, and the two machines agree on what time it is.
    pub fn check(&self, zone: &Zone) -> Result<(), ClockFault> {
        let apart = self.now - self.here;
        if apart.abs() > APART {
            return Err(ClockFault::Apart(apart));
        }
        self.is_in(zone)
    }

    /// Whether times can be read in this zone. A site on which nobody saves is judged by the server's sessions alone; in an hour that
    /// the zone repeats too, for what is compared are the clocks on the wall. This machine's clock does not count: rows are dated by the
    /// server's.
    pub fn is_in(&self, zone: &Zone) -> Result<(), ClockFault> {
        // As a moment: in the second half of a repeated hour the wall shows less than it did when the last bug was saved.
        if let Some(newest) = self.newest.filter(|newest| newest.to_epoch(zone) - self.now > APART) {
            let here = LocalTime::of_epoch(self.now, zone);
            return Err(ClockFault::Ahead { zone: zone.name().to_owned(), here, newest });
        }
        self.is_shown_in(zone)
    }

    /// The same for whoever reads without an end: a save from the future, as a clock leaves it that was ahead, is read like any other.
    pub fn is_shown_in(&self, zone: &Zone) -> Result<(), ClockFault> {
        let here = LocalTime::of_epoch(self.now, zone);
        let is_behind = |clock: LocalTime| self.newest.is_some_and(|newest| newest.ordinal() - clock.ordinal() > APART);
        // Bugzilla's own sessions may have the zone, and the server's another: then what it saves of late is in ours the future, or one
        // was seen to come.
        if (self.shown.ordinal() - here.ordinal()).abs() > APART && !is_behind(self.shown) && !self.witnessed {
            return Err(ClockFault::Elsewhere { zone: zone.name().to_owned(), here, shown: self.shown });
        }
        Ok(())
    }

    /// The zone to configure, if the server's sessions say which; a name that is known here.
    pub fn suggested(&self) -> Option<&str> {
        let shows = |zone: &Zone| LocalTime::of_epoch(self.now, zone) == self.shown;
        let named = Zone::named(&self.called).is_ok_and(|zone| shows(&zone)).then_some(self.called.as_str());
        named.or(shows(&Zone::utc()).then_some("UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 05:00:00 UTC.
    const NOW: i64 = 1_795_323_600;

    fn clock(shown: &str, newest: &str) -> Clock {
        let shown = LocalTime::parse(shown).unwrap();
        Clock {
            now: NOW,
            here: NOW,
            shown,
            called: "SYSTEM".to_owned(),
            newest: LocalTime::parse(newest),
            witnessed: false,
        }
    }

    fn fault(clock: &Clock, zone: &str) -> String {
        clock.check(&Zone::named(zone).unwrap()).map_or_else(|fault| fault.to_string(), |()| String::new())
    }

    #[test]
    fn a_server_that_shows_another_hour_than_the_zone_has_is_noticed_however_quiet_the_site_is() {
        for newest in ["", "2026-11-18 23:00:00"] {
            let prague = clock("2026-11-22 06:00:00", newest);
            assert_eq!(fault(&prague, "Europe/Prague"), "");
            assert!(fault(&prague, "UTC").contains("shows 2026-11-22 06:00:00 where it is 2026-11-22 05:00:00"));
            assert!(fault(&clock("2026-11-22 05:00:00", newest), "Europe/Prague").contains("Europe/Prague"));
            assert_eq!(fault(&clock("2026-11-22 05:00:00", newest), "UTC"), "");
        }
    }

    #[test]
    fn bugzillas_sessions_may_have_another_zone_than_the_servers_as_its_saves_say() {
        let utc_server = clock("2026-11-22 05:00:00", "2026-11-22 05:59:00");
        assert_eq!(fault(&utc_server, "Europe/Prague"), "");
        assert!(fault(&utc_server, "UTC").contains("the newest of them is 2026-11-22 05:59:00"));
    }

    #[test]
    fn a_save_that_is_seen_to_come_tells_which_zone_bugzillas_sessions_have() {
        let new_york = Zone::named("America/New_York").unwrap();
        let later = |clock: Clock, seconds: i64| Clock { now: NOW + seconds, here: NOW + seconds, ..clock };
        let first = clock("2026-11-22 05:00:00", "2026-11-21 22:00:00");
        assert!(fault(&first, "America/New_York").contains("America/New_York"), "nobody knows yet");
        for (seconds, newest, fits) in [
            (10, "2026-11-22 00:00:05", true),
            (10, "2026-11-22 05:00:05", false),
            (10, "2026-11-21 22:00:00", false),
            (3_600, "2026-11-22 00:00:05", false),
        ] {
            let next = later(clock("2026-11-22 05:00:10", newest), seconds).after(&first, &new_york);
            assert_eq!(next.is_shown_in(&new_york).is_ok(), fits, "{seconds} {newest}");
            assert_eq!(next.witnessed, fits, "{seconds} {newest}");
        }
        let seen = Clock { witnessed: true, ..first };
        assert!(later(seen.clone(), 10).after(&seen, &new_york).witnessed, "until another comes");
        let moved = Clock { shown: LocalTime::parse("2026-11-22 07:00:10").unwrap(), ..later(seen.clone(), 10) };
        assert!(!moved.after(&seen, &new_york).witnessed, "the server was given another zone");
    }

    #[test]
    fn a_clock_that_is_ahead_of_this_machines_dates_rows_in_the_same_zone() {
        let prague = Zone::named("Europe/Prague").unwrap();
        let ahead = Clock { here: NOW - 3_600, ..clock("2026-11-22 06:00:00", "2026-11-22 05:59:00") };
        assert!(matches!(ahead.check(&prague), Err(ClockFault::Apart(3_600))));
        assert_eq!(ahead.is_in(&prague), Ok(()));
        let was_ahead = clock("2026-11-22 06:00:00", "2026-11-22 07:00:00");
        assert!(matches!(was_ahead.is_in(&prague), Err(ClockFault::Ahead { .. })));
        assert_eq!(was_ahead.is_shown_in(&prague), Ok(()));
    }

    #[test]
    fn clocks_that_are_a_little_off_are_no_zones() {
        let newest = "2026-11-22 05:14:00";
        assert_eq!(fault(&Clock { here: NOW + 899, ..clock("2026-11-22 05:00:00", newest) }, "UTC"), "");
        let off = Clock { here: NOW + 3_600, ..clock("2026-11-22 05:00:00", "") };
        assert!(fault(&off, "UTC").contains("by -3600 s"), "{}", fault(&off, "UTC"));
    }

    #[test]
    fn the_hours_that_a_zone_repeats_and_leaves_out_are_no_other_zone() {
        let prague = Zone::named("Europe/Prague").unwrap();
        for (now, shown) in [
            (1_792_888_200, "2026-10-25 02:30:00"),
            (1_792_891_800, "2026-10-25 02:30:00"),
            (1_774_746_000, "2026-03-29 03:00:00"),
        ] {
            let clock = Clock { now, here: now, ..clock(shown, shown) };
            assert_eq!(clock.check(&prague), Ok(()), "{shown}");
        }
        // Saved at 02:59 in summer time; five minutes later it is 02:04 in winter time.
        let clock =
            Clock { now: 1_792_890_240, here: 1_792_890_240, ..clock("2026-10-25 02:04:00", "2026-10-25 02:59:00") };
        assert_eq!(clock.check(&prague), Ok(()));
    }

    #[test]
    fn the_zone_to_write_is_the_servers_if_it_has_a_name() {
        let named = |called: &str| Clock { called: called.to_owned(), ..clock("2026-11-22 06:00:00", "") };
        assert_eq!(named("Europe/Prague").suggested(), Some("Europe/Prague"));
        assert_eq!(named("America/New_York").suggested(), None, "it shows another time");
        assert_eq!(named("SYSTEM").suggested(), None);
        assert_eq!(clock("2026-11-22 05:00:00", "").suggested(), Some("UTC"));
    }
}
