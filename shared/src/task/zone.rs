//! Time zones of the IANA database, which is part of the program.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZoneDatabase};
#[cfg(feature = "export")]
use jiff::{SignedDuration, Timestamp as Moment};

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

/// The time that a zone keeps from some moment on, until it changes its clocks again.
#[cfg(feature = "export")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Observance {
    /// What the clocks show at that moment before they are changed, as if in UTC.
    pub(crate) onset: Timestamp,
    /// How far they were ahead of UTC before, in seconds.
    pub(crate) from: i32,
    /// How far they are ahead of UTC from then on, in seconds.
    pub(crate) to: i32,
    /// What the time is called there, such as CEST.
    pub(crate) name: String,
    pub(crate) is_daylight_saving: bool,
}

/// The beginning of 1601, in milliseconds since 1970.
#[cfg(feature = "export")]
const EARLY_MILLIS: i64 = -11_644_473_600_000;

impl TimeZone {
    /// Returns the time by which clocks in this zone show `local` (which is given as if in UTC)
    /// at `moment`. If they skip `local`, that is the time that they showed before.
    #[cfg(feature = "export")]
    pub(crate) fn observance_of(&self, local: Timestamp, moment: Timestamp) -> Observance {
        let offset = local.unix_millis() - moment.unix_millis();
        let observance = self.observance(moment);
        let onset = observance.onset.unix_millis() - i64::from(observance.from) * 1000;
        let earlier = self.observance(Timestamp::from_unix_millis(onset - 1));
        let is_earlier = i64::from(earlier.to) * 1000 == offset;
        if is_earlier && earlier.to != observance.to { earlier } else { observance }
    }

    /// Returns the time that the zone keeps at `moment`.
    #[cfg(feature = "export")]
    pub(crate) fn observance(&self, moment: Timestamp) -> Observance {
        let moment = Moment::from_millisecond(moment.unix_millis()).unwrap_or(Moment::MAX);
        let now = self.0.to_offset_info(moment);
        let to = now.offset();
        // The transition at this very moment counts.
        let after = moment.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(moment);
        let transition = self.0.preceding(after).next().map(|transition| transition.timestamp());
        let before = |onset: Moment| onset.saturating_sub(SignedDuration::from_nanos(1));
        let from = transition
            .and_then(|onset| before(onset).ok())
            .map_or(to, |before| self.0.to_offset(before));
        let onset = match transition {
            Some(onset) => onset.as_millisecond() + i64::from(from.seconds()) * 1000,
            // Programs convert it to UTC, where it must not be before the year 1.
            None if moment.as_millisecond() > EARLY_MILLIS + FURTHEST_MILLIS => EARLY_MILLIS,
            None => Timestamp::MIN.unix_millis(),
        };
        Observance {
            onset: Timestamp::from_unix_millis(onset),
            from: from.seconds(),
            to: to.seconds(),
            name: now.abbreviation().to_owned(),
            is_daylight_saving: now.dst().is_dst(),
        }
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
