//! Calendars of to-dos (RFC 5545).

use std::collections::{BTreeMap, BTreeSet};

use icalendar::{Component, EventLike, Property, Todo, TodoStatus};

use crate::task::{Due, DueKind, Observance, Priority, Task, TimeZone, Timestamp};

pub(super) const HEAD: &str =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tasks API//Tasks//EN\r\n";
pub(super) const TAIL: &str = "END:VCALENDAR\r\n";

/// The longest line, without its ending.
const MAX_LINE_BYTES: usize = 75;

/// What an observance takes at most, and the component of its zone around it.
const OBSERVANCE_BYTES: usize = 400;

/// The time zones of to-dos, as far as they need them: of each zone, what its clocks show at
/// these times.
#[derive(Debug, Default)]
pub(super) struct Zones {
    observances: BTreeMap<String, BTreeSet<Observance>>,
    count: usize,
}

impl Zones {
    /// Adds what a to-do needs. Returns by how many bytes at most this makes the file longer.
    pub(super) fn add(&mut self, task: &Task) -> usize {
        let Some(due) = &task.due else { return 0 };
        let DueKind::Zoned { local, time_zone } = due.kind() else { return 0 };
        let Some(zone) = TimeZone::find(time_zone) else { return 0 };
        let observances = self.observances.entry(time_zone.clone()).or_default();
        let is_new = observances.insert(zone.observance_of(*local, due.instant()));
        self.count += usize::from(is_new);
        if is_new { OBSERVANCE_BYTES } else { 0 }
    }

    /// Returns the most bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.count * OBSERVANCE_BYTES
    }

    /// Returns them as components. A calendar without to-dos gets one for UTC, because it must
    /// have a component.
    pub(super) fn text(mut self, is_empty: bool) -> String {
        if is_empty && self.observances.is_empty() {
            let utc = TimeZone::find("UTC").map(|zone| zone.observance(Timestamp::MAX));
            self.observances.insert("UTC".to_owned(), utc.into_iter().collect());
        }
        self.observances.iter().map(|(name, observances)| zone(name, observances)).collect()
    }
}

fn zone(name: &str, observances: &BTreeSet<Observance>) -> String {
    let mut text = line("BEGIN", "VTIMEZONE") + &line("TZID", name);
    for Observance { onset, from, to, name, is_daylight_saving } in observances {
        let kind = if *is_daylight_saving { "DAYLIGHT" } else { "STANDARD" };
        text.extend([
            line("BEGIN", kind),
            line("DTSTART", &local_time(*onset)),
            line("TZOFFSETFROM", &offset(*from)),
            line("TZOFFSETTO", &offset(*to)),
            line("TZNAME", name),
            line("END", kind),
        ]);
    }
    text + &line("END", "VTIMEZONE")
}

/// Returns the to-do of a task.
pub(super) fn to_do(task: &Task) -> String {
    let Task {
        id,
        user_id: _,
        title,
        description,
        completed,
        priority,
        due,
        labels,
        updated_at,
        completed_at,
        deleted_at: _,
        revision: _,
    } = task;
    let mut to_do = Todo::with_uid(&id.to_string());
    to_do.summary(&readable(title));
    if let Some(description) = description {
        to_do.description(&readable(description));
    }
    // 1 is the highest, 9 the lowest.
    let priority = priority.map(|priority| match priority {
        Priority::High => 1,
        Priority::Medium => 5,
        Priority::Low => 9,
    });
    if let Some(priority) = priority {
        to_do.priority(priority);
    }
    if let Some(due) = due {
        to_do.append_property(due_property(due));
    }
    if !labels.is_empty() {
        to_do.categories(labels.as_slice().iter().map(|label| readable(label)));
    }
    to_do.add_property("CREATED", utc(id.created_at()));
    to_do.add_property("LAST-MODIFIED", utc(*updated_at));
    // Without a METHOD, it says the same as LAST-MODIFIED.
    to_do.add_property("DTSTAMP", utc(*updated_at));
    to_do.status(if *completed { TodoStatus::Completed } else { TodoStatus::NeedsAction });
    if let Some(completed_at) = completed_at {
        to_do.add_property("COMPLETED", utc(*completed_at));
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = to_do.fmt_write(&mut text);
    folded(&text)
}

/// Returns lines that are short enough. What `icalendar` folds may end with one that is not,
/// because it does not count the space at its beginning.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for line in text.split_inclusive("\r\n") {
        if line.len() <= MAX_LINE_BYTES + "\r\n".len() {
            folded.push_str(line);
        } else {
            let (start, rest) = line.split_at(line.floor_char_boundary(MAX_LINE_BYTES));
            folded.extend([start, "\r\n ", rest]);
        }
    }
    folded
}

fn due_property(due: &Due) -> Property {
    let property = |value| Property::new("DUE", value);
    match due.kind() {
        DueKind::Date => {
            let mut date = local_time(due.instant());
            date.truncate("20270210".len());
            property(date).add_parameter("VALUE", "DATE").done()
        }
        DueKind::Floating => property(local_time(due.instant())),
        DueKind::Zoned { local, time_zone } => {
            property(local_time(*local)).add_parameter("TZID", time_zone).done()
        }
        DueKind::Instant => property(utc(due.instant())),
    }
}

/// Returns one line of a calendar.
fn line(name: &str, value: &str) -> String {
    Property::new(name, value).try_into().unwrap_or_default()
}

/// Returns a text with a mark in place of each character that a calendar cannot have (RFC 5545
/// section 3.1, CONTROL). Left out, a title might be empty.
fn readable(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_control = |char: char| char.is_ascii_control() && !matches!(char, '\n' | '\t');
    text.replace(is_control, "\u{fffd}")
}

/// Returns a moment, truncated to the second: `20270210T080000Z`.
fn utc(moment: Timestamp) -> String {
    local_time(moment) + "Z"
}

/// Returns a time without a zone, given as if in UTC: `20270210T080000`.
fn local_time(time: Timestamp) -> String {
    let mut text = time.to_string().replace(['-', ':'], "");
    text.truncate("20270210T080000".len());
    text
}

/// Returns an offset from UTC: `+0100`, with seconds if there are any.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let rest = if seconds > 0 { format!("{seconds:02}") } else { String::new() };
    format!("{sign}{hours:02}{minutes:02}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{NewTask, TaskId};

    #[test]
    fn lines_have_at_most_75_bytes_and_come_back_in_one() {
        for count in 50..200 {
            for text in ["x", "é", "👋", "x,"] {
                let title = text.repeat(count);
                let task = Task::with_id(TaskId::new(), "user_a", NewTask::titled(&title));
                let to_do = to_do(&task);
                assert!(to_do.split("\r\n").all(|line| line.len() <= 75), "{to_do}");
                let escaped = title.replace(',', "\\,");
                assert!(to_do.replace("\r\n ", "").contains(&format!("SUMMARY:{escaped}\r\n")));
            }
        }
    }

    #[test]
    fn a_time_that_clocks_skip_is_by_the_time_before() {
        let zone = TimeZone::find("Europe/Berlin").unwrap();
        let moment = |text| Timestamp::parse(text).unwrap();
        for (local, instant, offset) in [
            ("2027-03-28T01:59:59Z", "2027-03-28T00:59:59Z", 3600),
            ("2027-03-28T02:30:00Z", "2027-03-28T01:30:00Z", 3600),
            ("2027-03-28T03:00:00Z", "2027-03-28T01:00:00Z", 7200),
            ("2027-10-31T02:30:00Z", "2027-10-31T00:30:00Z", 7200),
            ("2027-10-31T03:00:00Z", "2027-10-31T02:00:00Z", 3600),
        ] {
            let observance = zone.observance_of(moment(local), moment(instant));
            assert_eq!(observance.to, offset, "{local}");
            assert!(observance.onset <= moment(local));
        }
    }

    #[test]
    fn no_time_begins_before_the_year_1_in_utc() {
        let zone = TimeZone::find("Etc/GMT-14").unwrap();
        let now = Timestamp::parse("2027-02-10").unwrap();
        assert_eq!(zone.observance(now).onset, Timestamp::parse("1601-01-01").unwrap());
    }
}
