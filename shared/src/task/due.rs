//! When a task is due, as people mean it: on a day, at a time of day, at a time of day in a
//! time zone, or at a moment. The vocabulary is that of RFC 8984.

mod change;
mod input;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Timestamp;

pub use change::DueChange;

/// When a task is due.
///
/// Whatever it means, it has an instant, by which tasks are sorted, and which clients see as
/// `due_date`: a date counts as its midnight, and a floating time as if it were in UTC.
///
/// ```
/// use shared::task::{Due, Timestamp};
///
/// let noon = Timestamp::parse("2027-02-10T12:00:00Z").unwrap();
/// assert_eq!(Due::from(noon).instant(), noon);
/// let day = Due::parse("2027-02-10").unwrap();
/// let json = r#"{"date":"2027-02-10","at":"2027-02-10T00:00:00.000Z"}"#;
/// assert_eq!(serde_json::to_string(&day).unwrap(), json);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    instant: Timestamp,
    kind: Kind,
}

/// What a due date means. Local times are kept as moments, as if they were in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A day, wherever one is. The instant is its midnight.
    Date,
    /// A time of day, wherever one is.
    Floating,
    /// A time of day in a time zone of the IANA database.
    Zoned { local: Timestamp, time_zone: String },
    /// A moment.
    Instant,
}

impl From<Timestamp> for Due {
    fn from(instant: Timestamp) -> Due {
        Due { instant, kind: Kind::Instant }
    }
}

impl Due {
    /// Parses a date, a time without an offset, or one with an offset, as
    /// [`Timestamp::parse`] does: a day, a floating time, or a moment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Due> {
        let kind = match Timestamp::has_time(text) {
            false => Kind::Date,
            true if !Timestamp::has_offset(text) => Kind::Floating,
            true => Kind::Instant,
        };
        Some(Due { instant: Timestamp::parse(text)?, kind })
    }

    /// Returns a due date of this kind at `instant`, which must fit.
    pub(crate) fn stored(instant: Timestamp, kind: Kind) -> Due {
        Due { instant, kind }
    }

    /// Returns the moment that tasks are sorted by.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the midnight of a date, or a floating time, as if it were in UTC.
    pub(super) fn floating(&self) -> Option<Timestamp> {
        match self.kind {
            Kind::Date | Kind::Floating => Some(self.instant),
            Kind::Zoned { .. } | Kind::Instant => None,
        }
    }

    /// Returns the name of its kind.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Date => "date",
            Kind::Floating => "local",
            Kind::Zoned { .. } => "zoned",
            Kind::Instant => "instant",
        }
    }

    /// Returns the name and the text of the member that says it, and its time zone.
    #[must_use]
    pub fn members(&self) -> (&'static str, String, Option<&str>) {
        match &self.kind {
            Kind::Date => ("date", date_text(self.instant), None),
            Kind::Floating => ("local", local_text(self.instant), None),
            Kind::Zoned { local, time_zone } => ("local", local_text(*local), Some(time_zone)),
            Kind::Instant => ("instant", self.instant.to_string(), None),
        }
    }
}

/// Returns the date of `moment`: `2027-02-10`.
fn date_text(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.truncate("2027-02-10".len());
    text
}

/// Returns `moment` without an offset, and without a fraction of zero: `2027-02-10T09:00:00`.
fn local_text(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.pop();
    if text.ends_with(".000") {
        text.truncate(text.len() - 4);
    }
    text
}

/// As a client sees it. `at` shows whether a client that sends it back has changed it.
impl Serialize for Due {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut due = serializer.serialize_map(None)?;
        if self.kind == Kind::Instant {
            // Most are, and a list has thousands: without a string of its own.
            due.serialize_entry("instant", &self.instant)?;
        } else {
            let (name, text, time_zone) = self.members();
            due.serialize_entry(name, &text)?;
            if let Some(time_zone) = time_zone {
                due.serialize_entry("time_zone", time_zone)?;
            }
        }
        due.serialize_entry("at", &self.instant)?;
        due.end()
    }
}
