//! Reads the to-dos of calendars.

use anyhow::{Result, ensure};
use icalendar::parser::{read_calendar_simple, unfold};
use icalendar::{CalendarComponent, Component, EventLike, Todo};
use ring::digest;
use serde_json::{Map, Value, json};
use shared::task::{TaskId, TimeZone, Timestamp};

use super::Place;
use crate::seed;

/// Reads all to-dos, of one or more calendars.
pub(super) fn read(text: &str, user_id: &str) -> Result<Vec<Place>> {
    let lines = unfold(text.trim_start_matches(shared::http::BYTE_ORDER_MARK));
    let calendars = read_calendar_simple(&lines)
        .map_err(|error| anyhow::anyhow!("not a calendar: {}", first_line(error.input)))?;
    let mut to_dos = Vec::new();
    for calendar in calendars {
        for component in calendar.components {
            if let CalendarComponent::Todo(to_do) = component.into() {
                let (object, notes) = object(&to_do, user_id);
                to_dos.push((format!("to-do {}", to_dos.len() + 1), object, notes));
            }
        }
    }
    // The parser stops where it understands no more, and says nothing.
    let count = lines.lines().filter(|line| line.eq_ignore_ascii_case("BEGIN:VTODO")).count();
    ensure!(
        to_dos.len() == count,
        "only {} of {count} to-dos can be read: the calendar breaks off after them",
        to_dos.len()
    );
    Ok(to_dos)
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.is_empty()).unwrap_or("it is empty")
}

fn object(to_do: &Todo, user_id: &str) -> (Map<String, Value>, Vec<String>) {
    let mut notes = Vec::new();
    let value = |name| to_do.property_value(name);
    let changed_at = value("LAST-MODIFIED").and_then(time);
    let created_at = value("CREATED").or(value("DTSTAMP")).and_then(time);
    let completed_at = value("COMPLETED").and_then(time);
    let status = value("STATUS").map(str::to_ascii_uppercase);
    let is_completed = status.as_deref() == Some("COMPLETED") || completed_at.is_some();
    let mut object = Map::new();
    object.insert("id".into(), json!(id(to_do.get_uid(), created_at.as_deref(), user_id)));
    object.insert("title".into(), json!(to_do.get_summary().unwrap_or_default()));
    object.insert("description".into(), json!(to_do.get_description()));
    object.insert("priority".into(), json!(to_do.get_priority().and_then(priority)));
    object.insert("labels".into(), json!(to_do.get_categories().unwrap_or_default()));
    object.insert("completed".into(), json!(is_completed));
    object.insert("completed_at".into(), json!(completed_at.or(changed_at)));
    object.insert("due".into(), due(to_do, &mut notes));
    for (name, note) in [
        ("RRULE", "it does not repeat any more"),
        ("DURATION", "its duration is left out"),
        ("RELATED-TO", "its relation to another is left out"),
    ] {
        let is_there = value(name).is_some() || to_do.multi_properties().contains_key(name);
        if is_there {
            notes.push(note.to_owned());
        }
    }
    if status.as_deref() == Some("CANCELLED") {
        notes.push("it was cancelled, and is pending now".to_owned());
    }
    (object, notes)
}

/// Returns the id of a to-do: its UID if this API made that, and otherwise one that is the same
/// each time for this user.
fn id(uid: Option<&str>, created_at: Option<&str>, user_id: &str) -> Option<String> {
    let uid = uid?;
    if let Some(id) = TaskId::parse(uid) {
        return Some(id.to_string());
    }
    let created_at = created_at.and_then(Timestamp::parse)?;
    let hash = digest::digest(&digest::SHA256, format!("{user_id}\0{uid}").as_bytes());
    let bits = hash.as_ref().first_chunk()?;
    seed::task_id(created_at, *bits).ok().map(|id| id.to_string())
}

/// Returns our name of a priority, of which 1 is the highest and 0 is none.
fn priority(number: u32) -> Option<&'static str> {
    match number {
        1..=4 => Some("high"),
        5 => Some("medium"),
        6..=9 => Some("low"),
        _ => None,
    }
}

fn due(to_do: &Todo, notes: &mut Vec<String>) -> Value {
    let Some(property) = to_do.properties().get("DUE") else { return Value::Null };
    let value = property.value();
    let time_zone = property.params().get("TZID").map(icalendar::Parameter::value);
    match (time(value), time_zone) {
        (None, _) => json!({ "date": value }),
        (Some(date), _) if !date.contains('T') => json!({ "date": date }),
        (Some(time), _) if time.ends_with('Z') => json!({ "instant": time }),
        (Some(time), None) => json!({ "local": time }),
        (Some(time), Some(name)) => match time_zone_of(name) {
            Some(zone) => json!({"local": time, "time_zone": zone.name()}),
            None => {
                notes
                    .push(format!("its time zone {name} is not known, so it is due at local time"));
                json!({ "local": time })
            }
        },
    }
}

/// Returns the time zone that a TZID names: an IANA name, perhaps at the end of a path.
fn time_zone_of(name: &str) -> Option<TimeZone> {
    let starts = name.match_indices('/').map(|(at, _)| at + 1);
    [0].into_iter().chain(starts).find_map(|start| TimeZone::find(&name[start..]))
}

/// Returns a date or time of a calendar, `20270210T080000Z`, as RFC 3339 writes it.
fn time(text: &str) -> Option<String> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let date = is_date.then(|| format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]))?;
    let Some(time) = time else { return Some(date) };
    let (time, zone) = time.strip_suffix('Z').map_or((time, ""), |time| (time, "Z"));
    let is_time = time.len() == 6 && time.bytes().all(|byte| byte.is_ascii_digit());
    is_time.then(|| format!("{date}T{}:{}:{}{zone}", &time[..2], &time[2..4], &time[4..]))
}
