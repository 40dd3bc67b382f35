//! Moments in time.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time, UtcDateTime, error};

/// A moment in UTC, to the millisecond, in the years 0001 to 9999.
///
/// Its text, `2027-02-10T09:00:00.000Z`, always has the same length, so texts
/// sort as the moments do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(UtcDateTime);

impl Timestamp {
    /// The beginning of the year 0001.
    pub const MIN: Timestamp = at(Date::from_ordinal_date(1, 1), Time::from_hms(0, 0, 0));

    /// The last millisecond of the year 9999.
    pub const MAX: Timestamp =
        at(Date::from_ordinal_date(9999, 365), Time::from_hms_milli(23, 59, 59, 999));

    /// Returns the current moment.
    #[must_use]
    pub fn now() -> Timestamp {
        Timestamp::from_system_time(SystemTime::now())
    }

    /// Converts a moment of the system clock, truncated to the millisecond. It must be in
    /// the years 0001 to 9999.
    #[must_use]
    pub fn from_system_time(moment: SystemTime) -> Timestamp {
        Timestamp(UtcDateTime::from(moment).truncate_to_millisecond())
    }

    /// Parses RFC 3339, and what forms send: a date alone means its midnight, and a time
    /// without an offset is in UTC. Seconds may be left out. Anything finer than a
    /// millisecond is truncated.
    ///
    /// Returns `None` for anything else, and for a moment that is outside of the years
    /// 0001 to 9999 in UTC.
    ///
    /// ```
    /// use shared::task::Timestamp;
    ///
    /// let due = Timestamp::parse("2027-02-10T09:00+02:00").unwrap();
    /// assert_eq!(due.to_string(), "2027-02-10T07:00:00.000Z");
    /// assert!(Timestamp::parse("tomorrow").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        let full = complete(text)?;
        let moment = OffsetDateTime::parse(&full, &Rfc3339).ok()?.checked_to_utc()?;
        Timestamp(moment.truncate_to_millisecond()).in_bounds()
    }

    /// Whether `text` has a time besides a date.
    pub(super) fn has_time(text: &str) -> bool {
        text.contains(['T', 't'])
    }

    /// Whether `text`, which has a time, says how far that is from UTC.
    pub(super) fn has_offset(text: &str) -> bool {
        let time = text.split_once(['T', 't']).map_or("", |(_, time)| time);
        time.contains(['Z', 'z', '+', '-'])
    }

    /// Returns this moment if it is from [`Timestamp::MIN`] to [`Timestamp::MAX`].
    fn in_bounds(self) -> Option<Timestamp> {
        (Timestamp::MIN..=Timestamp::MAX).contains(&self).then_some(self)
    }

    /// Returns the moment so many milliseconds after 1970, or the first or the last one.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Timestamp {
        let since_1970 = time::Duration::milliseconds(millis);
        match UtcDateTime::UNIX_EPOCH.checked_add(since_1970).map(Timestamp) {
            Some(moment) => moment.clamp(Timestamp::MIN, Timestamp::MAX),
            None if millis < 0 => Timestamp::MIN,
            None => Timestamp::MAX,
        }
    }

    /// Returns the moment so many milliseconds after 1970; `None` outside of the years 0001
    /// to 9999.
    pub(super) fn checked_from_unix_millis(millis: i64) -> Option<Timestamp> {
        let moment = Timestamp::from_unix_millis(millis);
        (moment.unix_millis() == millis).then_some(moment)
    }

    /// Returns year, month, day, hour, minute and second, and millisecond.
    pub(super) fn parts(self) -> (i16, i8, i8, [i8; 3], u16) {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second, milli) = self.0.as_hms_milli();
        // All are small.
        let time = [hour as i8, minute as i8, second as i8];
        (year as i16, u8::from(month) as i8, day as i8, time, milli)
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0.unix_timestamp() * 1000 + self.0.millisecond() as i64
    }

    /// Returns the seconds since 1970.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Returns the moment `seconds` later; `None` after the year 9999.
    #[must_use]
    pub fn after_seconds(self, seconds: u32) -> Option<Timestamp> {
        let later = self.0.checked_add(time::Duration::seconds(seconds.into()))?;
        Timestamp(later).in_bounds()
    }

    /// Returns the moment one millisecond later, or the last one.
    #[must_use]
    pub fn succ(self) -> Timestamp {
        Timestamp::from_unix_millis(self.unix_millis() + 1)
    }
}

#[expect(clippy::panic, reason = "constants, evaluated by the compiler")]
const fn at(
    date: Result<Date, error::ComponentRange>,
    time: Result<Time, error::ComponentRange>,
) -> Timestamp {
    match (date, time) {
        (Ok(date), Ok(time)) => Timestamp(UtcDateTime::new(date, time)),
        _ => panic!("no such moment"),
    }
}

/// Adds to `text` what RFC 3339 section 5.6 requires and [`Timestamp::parse`] does not.
fn complete(text: &str) -> Option<Cow<'_, str>> {
    let Some((date, time)) = text.split_once(['T', 't']) else {
        return Some(format!("{text}T00:00:00Z").into());
    };
    let offset_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, offset) = time.split_at_checked(offset_at)?;
    let has_seconds = time.len() != "00:00".len();
    if has_seconds && !offset.is_empty() {
        return Some(text.into());
    }
    let seconds = if has_seconds { "" } else { ":00" };
    let offset = if offset.is_empty() { "Z" } else { offset };
    Some(format!("{date}T{time}{seconds}{offset}").into())
}

/// The text of a moment. A list contains several per task, and `format!` would take
/// twenty times as long.
struct Text([u8; 24]);

impl Text {
    fn of(moment: UtcDateTime) -> Text {
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second, milli) = moment.as_hms_milli();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut write = |place: Range<usize>, mut number: u16| {
            for digit in text[place].iter_mut().rev() {
                // Less than ten.
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        // No moment is before the year 0001.
        write(0..4, year.unsigned_abs() as u16);
        write(5..7, u8::from(month).into());
        write(8..10, day.into());
        write(11..13, hour.into());
        write(14..16, minute.into());
        write(17..19, second.into());
        write(20..23, milli);
        Text(text)
    }

    fn as_str(&self) -> &str {
        // It is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Text::of(self.0).as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Text::of(self.0).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn rfc_3339_and_what_forms_send_are_parsed() {
        for (text, read) in [
            ("2027-02-10T09:00:00Z", "2027-02-10T09:00:00.000Z"),
            ("2027-02-10t09:00:00z", "2027-02-10T09:00:00.000Z"),
            ("2027-02-10T09:00:00.5Z", "2027-02-10T09:00:00.500Z"),
            ("2027-02-10T09:00:00.123999999Z", "2027-02-10T09:00:00.123Z"),
            ("2027-02-10T09:00:00.000000000000001Z", "2027-02-10T09:00:00.000Z"),
            ("2027-02-10T00:30:00+05:30", "2027-02-09T19:00:00.000Z"),
            ("2027-02-10T09:00:00-00:00", "2027-02-10T09:00:00.000Z"),
            ("2027-02-10", "2027-02-10T00:00:00.000Z"),
            ("2027-02-10T09:00", "2027-02-10T09:00:00.000Z"),
            ("2027-02-10T09:00:30", "2027-02-10T09:00:30.000Z"),
            ("2028-02-29", "2028-02-29T00:00:00.000Z"),
            ("0001-01-01", "0001-01-01T00:00:00.000Z"),
            ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59.999999999+00:01", "9999-12-31T23:58:59.999Z"),
        ] {
            let moment = Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(moment.to_string(), read, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_parsed() {
        for text in [
            "",
            "T",
            "tomorrow",
            "1800000000",
            "2027-02-30",
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-02-10T24:00:00Z",
            "2027-02-10T09:60:00Z",
            "2027-02-10T09Z",
            "2027-02-10T",
            "2027-02-10Z",
            "2027-02-10T09:00:00+0200",
            "2027-02-10T09:00:00+24:00",
            "2027-02-10T09:00:00.Z",
            "2027-02-10 09:00:00Z",
            "2027-02-10T09:00:00Z ",
            " 2027-02-10",
            "27-02-10",
            "20270210",
            "2027-2-10",
            "2027-W06-3",
            "+2027-02-10",
            "12027-02-10",
            "0000-12-31",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "-0001-01-01",
            "2027-02-10T09:00:00Z[UTC]",
            "２０２７-02-10",
            "2027-02-10Tä:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn texts_sort_as_the_moments_do() {
        let moments = ["0001-01-01", "0999-12-31", "1969-12-31", "1970-01-01", "9999-12-31"]
            .map(|text| Timestamp::parse(text).unwrap());
        assert!(moments.is_sorted());
        assert!(moments.map(|moment| moment.to_string()).is_sorted());
    }

    #[test]
    fn the_first_moment_begins_the_year_0001() {
        assert_eq!(Timestamp::parse("0001-01-01"), Some(Timestamp::MIN));
    }
}
