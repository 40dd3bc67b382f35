//! Parses `due` and `due_date`.

use serde_json::{Map, Value};

use super::change::SentDue;
use super::{Due, Kind};
use crate::task::field::{MOMENT, Rules};
use crate::task::{TimeZone, Timestamp};

const SHAPE: &str = "must be null or an object with date, local, local and time_zone, or instant";
const DATE: &str = "must be a date in the years 0001 to 9999, such as 2027-02-10";
const LOCAL: &str = "must be a time without an offset in the years 0001 to 9999, such as \
     2027-02-10T09:00:00";
const INSTANT: &str = "must be a time with an offset in the years 0001 to 9999, such as \
     2027-02-10T09:00:00Z";
const TOO_FAR: &str = "must be in the years 0001 to 9999 in UTC too";

impl Rules {
    /// Parses a `due_date` that is not `null`.
    pub(in crate::task) fn due_date(&mut self, value: Value) -> Option<Due> {
        let due = value.as_str().and_then(Due::parse);
        due.or_else(|| self.refuse("due_date", MOMENT))
    }

    /// Parses a `due` that is not `null`.
    pub(in crate::task) fn due(&mut self, value: Value) -> Option<SentDue> {
        let Value::Object(mut members) = value else { return self.refuse("due", SHAPE) };
        // As if absent.
        members.retain(|_, value| !value.is_null());
        let at = match members.remove("at") {
            None => None,
            Some(at) => Some(self.moment("due.at", &at)?.instant),
        };
        let due = self.kind(members)?;
        Some(SentDue { is_echo: at == Some(due.instant), due })
    }

    fn kind(&mut self, mut members: Map<String, Value>) -> Option<Due> {
        let [date, local, time_zone, instant] =
            ["date", "local", "time_zone", "instant"].map(|name| members.remove(name));
        if !members.is_empty() {
            return self.refuse("due", SHAPE);
        }
        match (date, local, time_zone, instant) {
            (Some(date), None, None, None) => self.text("due.date", &date, &Kind::Date, DATE),
            (None, Some(local), None, None) => self.local(&local),
            (None, Some(local), Some(time_zone), None) => self.zoned(&local, &time_zone),
            (None, None, None, Some(instant)) => self.moment("due.instant", &instant),
            _ => self.refuse("due", SHAPE),
        }
    }

    fn text(&mut self, field: &'static str, value: &Value, kind: &Kind, rule: &str) -> Option<Due> {
        let due = value.as_str().and_then(Due::parse).filter(|due| due.kind == *kind);
        due.or_else(|| self.refuse(field, rule))
    }

    fn local(&mut self, value: &Value) -> Option<Due> {
        self.text("due.local", value, &Kind::Floating, LOCAL)
    }

    fn moment(&mut self, field: &'static str, value: &Value) -> Option<Due> {
        self.text(field, value, &Kind::Instant, INSTANT)
    }

    fn zoned(&mut self, local: &Value, time_zone: &Value) -> Option<Due> {
        let local = self.local(local).map(|due| due.instant);
        let zone = time_zone.as_str().and_then(TimeZone::find);
        if zone.is_none() {
            self.broken("due.time_zone", TimeZone::RULE);
        }
        let (local, zone) = (local?, zone?);
        match Timestamp::checked_from_unix_millis(zone.unix_millis(local)) {
            Some(instant) => {
                let kind = Kind::Zoned { local, time_zone: zone.name().to_owned() };
                Some(Due { instant, kind })
            }
            None => self.refuse("due.local", TOO_FAR),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::Invalid;

    fn read(value: Value) -> Result<(Value, String), Vec<String>> {
        let mut rules = Rules::default();
        let due = rules.due(value);
        let due = rules.finish(due).map_err(Invalid::texts)?;
        let SentDue { due, is_echo } = due.unwrap();
        assert!(!is_echo);
        let mut returned = serde_json::to_value(&due).unwrap();
        let at = returned.as_object_mut().unwrap().remove("at").unwrap();
        assert_eq!(at, json!(due.instant()));
        Ok((returned, due.instant().to_string()))
    }

    #[test]
    fn each_kind_comes_back_as_it_was_sent_with_its_instant() {
        for (sent, instant) in [
            (json!({"date": "2027-02-10"}), "2027-02-10T00:00:00.000Z"),
            (json!({"date": "0001-01-01"}), "0001-01-01T00:00:00.000Z"),
            (json!({"date": "9999-12-31"}), "9999-12-31T00:00:00.000Z"),
            (json!({"local": "2027-02-10T09:00:00"}), "2027-02-10T09:00:00.000Z"),
            (json!({"local": "9999-12-31T23:59:59.999"}), "9999-12-31T23:59:59.999Z"),
            (json!({"instant": "2027-02-10T08:00:00.000Z"}), "2027-02-10T08:00:00.000Z"),
        ] {
            assert_eq!(read(sent.clone()), Ok((sent, instant.to_owned())));
        }
        for (local, time_zone, instant) in [
            ("2027-02-10T09:00:00", "Europe/Berlin", "2027-02-10T08:00:00.000Z"),
            ("2027-07-10T09:00:00", "Europe/Berlin", "2027-07-10T07:00:00.000Z"),
            ("2027-02-10T00:00:00", "America/Chicago", "2027-02-10T06:00:00.000Z"),
            ("2027-02-10T00:00:00", "Pacific/Kiritimati", "2027-02-09T10:00:00.000Z"),
            // Skipped by the clocks, which go on an hour later.
            ("2027-03-28T02:30:00", "Europe/Berlin", "2027-03-28T01:30:00.000Z"),
            // The first of two.
            ("2027-10-31T02:30:00", "Europe/Berlin", "2027-10-31T00:30:00.000Z"),
            // A whole day that was skipped.
            ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00.000Z"),
            ("9999-12-31T23:59:59.999", "Pacific/Kiritimati", "9999-12-31T09:59:59.999Z"),
            ("0001-01-02T00:00:00", "Asia/Tokyo", "0001-01-01T14:41:01.000Z"),
        ] {
            let sent = json!({"local": local, "time_zone": time_zone});
            assert_eq!(read(sent.clone()), Ok((sent, instant.to_owned())));
        }
    }

    #[test]
    fn what_comes_back_with_its_own_moment_is_an_echo() {
        let is_echo = |value: Value| Rules::default().due(value).unwrap().is_echo;
        assert!(is_echo(json!({"date": "2027-02-10", "at": "2027-02-10T00:00:00.000Z"})));
        assert!(is_echo(json!({"date": "2027-02-10", "at": "2027-02-10T01:00:00+01:00"})));
        assert!(!is_echo(json!({"date": "2027-02-12", "at": "2027-02-10T00:00:00.000Z"})));
        assert!(!is_echo(json!({"date": "2027-02-10", "at": null})));
        let mut zoned = json!({"local": "2027-02-10T09:00:00", "time_zone": "Europe/Berlin"});
        zoned["at"] = json!("2027-02-10T08:00:00.000Z");
        assert!(is_echo(zoned));
    }

    #[test]
    fn other_spellings_are_normalized() {
        for (sent, due) in [
            (json!({"local": "2027-02-10T09:00"}), json!({"local": "2027-02-10T09:00:00"})),
            (
                json!({"local": "2027-02-10t09:00:00.1204", "time_zone": null}),
                json!({"local": "2027-02-10T09:00:00.120"}),
            ),
            (
                json!({"instant": "2027-02-10T09:00+02:00"}),
                json!({"instant": "2027-02-10T07:00:00.000Z"}),
            ),
            (
                json!({"local": "2027-02-10T09:00:00", "time_zone": "europe/berlin"}),
                json!({"local": "2027-02-10T09:00:00", "time_zone": "Europe/Berlin"}),
            ),
        ] {
            assert_eq!(read(sent).unwrap().0, due);
        }
    }

    #[test]
    fn the_error_names_the_member_that_is_wrong() {
        let shape = format!("due {SHAPE}");
        for value in [
            json!("2027-02-10"),
            json!({}),
            json!({"time_zone": "Europe/Berlin"}),
            json!({"date": "2027-02-10", "time_zone": "Europe/Berlin"}),
            json!({"date": "2027-02-10", "local": "2027-02-10T09:00:00"}),
            json!({"local": "2027-02-10T09:00:00", "timezone": "Europe/Berlin"}),
        ] {
            assert_eq!(read(value.clone()).unwrap_err(), [&*shape], "{value}");
        }
        let zoned = |local: &str, zone: &str| json!({"local": local, "time_zone": zone});
        for (value, error) in [
            (json!({"date": "2027-02-30"}), format!("due.date {DATE}")),
            (json!({"date": "2027-02-10T00:00:00"}), format!("due.date {DATE}")),
            (json!({"date": 5}), format!("due.date {DATE}")),
            (json!({"local": "2027-02-10"}), format!("due.local {LOCAL}")),
            (json!({"local": "2027-02-10T09:00:00Z"}), format!("due.local {LOCAL}")),
            (json!({"local": "2027-02-10T24:00:00"}), format!("due.local {LOCAL}")),
            (json!({"local": "2027-02-10T23:59:60"}), format!("due.local {LOCAL}")),
            (json!({"instant": "2027-02-10T09:00:00"}), format!("due.instant {INSTANT}")),
            (json!({"instant": "2027-02-10"}), format!("due.instant {INSTANT}")),
            (json!({"date": "2027-02-10", "at": "2027-02-10"}), format!("due.at {INSTANT}")),
            (zoned("2027-02-10T09:00:00", "Factory"), format!("due.time_zone {}", TimeZone::RULE)),
            (zoned("2027-02-10T09:00:00", "Berlin"), format!("due.time_zone {}", TimeZone::RULE)),
            (zoned("2027-02-10T09:00:00", "+02:00"), format!("due.time_zone {}", TimeZone::RULE)),
            (zoned("2027-02-10T09:00:00", ""), format!("due.time_zone {}", TimeZone::RULE)),
            (zoned("0001-01-01T00:00:00", "Asia/Tokyo"), format!("due.local {TOO_FAR}")),
            (zoned("9999-12-31T23:00:00", "America/Chicago"), format!("due.local {TOO_FAR}")),
        ] {
            assert_eq!(read(value.clone()).unwrap_err(), [error], "{value}");
        }
        assert_eq!(read(zoned("soon", "here")).unwrap_err().len(), 2);
    }
}
