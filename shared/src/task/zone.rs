//! Time zones of the IANA database, which is part of the program.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZoneDatabase};

use super::Timestamp;

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// What must hold for the name of a time zone.
    pub(super) const RULE: &str = "must be an IANA time zone, such as Europe/Berlin";

    /// Returns the time zone of this name, in any case.
    #[must_use]
    pub fn find(name: &str) -> Option<TimeZone> {
        // Only the bundled database: the one of a system may be another, and is not there on
        // Lambda.
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        // "Factory" means that nobody has set one.
        zone.iana_name().filter(|name| *name != "Factory")?;
        Some(TimeZone(zone))
    }

    /// Returns its name, as the database spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Returns the moment when clocks in this zone show `local` (which is given as if in UTC),
    /// in milliseconds since 1970. Of two such moments it is the first; a time that the clocks
    /// skip is as much later as they skip.
    pub(super) fn unix_millis(&self, local: Timestamp) -> i64 {
        let offset = match self.0.to_ambiguous_timestamp(civil(local)).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
        };
        local.unix_millis() - i64::from(offset.seconds()) * 1000
    }
}

/// No time zone is 26 hours or more from UTC. In milliseconds.
pub(super) const FURTHEST_MILLIS: i64 = 26 * 60 * 60 * 1000;

const _: () = assert!(Offset::MAX.seconds() as i64 * 1000 < FURTHEST_MILLIS);
const _: () = assert!(Offset::MIN.seconds() as i64 * 1000 > -FURTHEST_MILLIS);

fn civil(local: Timestamp) -> DateTime {
    let (year, month, day, [hour, minute, second], milli) = local.parts();
    let nanos = i32::from(milli) * 1_000_000;
    // Never the default: it is a moment in the years 0001 to 9999.
    DateTime::new(year, month, day, hour, minute, second, nanos).unwrap_or_default()
}
