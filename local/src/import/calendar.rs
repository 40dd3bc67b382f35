//! Reads the to-dos of calendars.

use anyhow::{Result, bail, ensure};
use icalendar::{CalendarComponent, Component, EventLike, Todo};
use ring::digest;
use serde_json::{Map, Value, json};
use shared::task::{TaskId, TimeZone, Timestamp};

use super::Place;
use crate::seed;

/// Reads all to-dos, of one or more calendars.
pub(super) fn read(text: &str, user_id: &str) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for (index, lines) in to_dos(text)?.iter().enumerate() {
        let place = format!("to-do {}", index + 1);
        let Ok(CalendarComponent::Todo(to_do)) = lines.parse::<CalendarComponent>() else {
            bail!("{place} is not written as RFC 5545 says");
        };
        let (object, notes) = object(&to_do, user_id);
        places.push((place, object, notes));
    }
    Ok(places)
}

/// Returns the lines of each to-do. `icalendar` reads no file with several calendars, none whose
/// lines end in different ways, and nothing at all where anything in the file is wrong.
fn to_dos(text: &str) -> Result<Vec<String>> {
    let (mut to_dos, mut current) = (Vec::new(), None::<String>);
    let mut is_calendar = false;
    for line in text.lines().map(in_capitals) {
        is_calendar |= line == "BEGIN:VCALENDAR";
        if line == "BEGIN:VTODO" {
            ensure!(current.is_none(), "to-do {} has no end", to_dos.len() + 1);
            current = Some(String::new());
        }
        if let Some(lines) = &mut current {
            lines.push_str(&line);
            lines.push('\n');
        }
        if line == "END:VTODO" {
            to_dos.extend(current.take());
        }
    }
    let first = text.lines().find(|line| !line.is_empty()).unwrap_or("it is empty");
    ensure!(is_calendar, "not a calendar: {first}");
    ensure!(current.is_none(), "the calendar breaks off in to-do {}", to_dos.len() + 1);
    Ok(to_dos)
}

/// Returns a line with its name in capitals: `icalendar` knows no others.
fn in_capitals(line: &str) -> String {
    // It goes on with the line before.
    if line.starts_with([' ', '\t']) {
        return line.to_owned();
    }
    let (name, rest) = line.split_at(line.find([':', ';']).unwrap_or(line.len()));
    match name.to_ascii_uppercase() {
        name if name == "BEGIN" || name == "END" => name + &rest.trim_end().to_ascii_uppercase(),
        name => name + rest,
    }
}

fn object(to_do: &Todo, user_id: &str) -> (Map<String, Value>, Vec<String>) {
    let mut notes = Vec::new();
    let value = |name| to_do.property_value(name);
    let changed_at = value("LAST-MODIFIED").and_then(time);
    let completed_at = value("COMPLETED").and_then(time);
    let status = value("STATUS").map(str::to_ascii_uppercase);
    let is_completed = status.as_deref() == Some("COMPLETED") || completed_at.is_some();
    let labels = to_do.get_categories().unwrap_or_default();
    let labels: Vec<_> = labels.into_iter().filter(|label| !label.trim().is_empty()).collect();
    let mut object = Map::new();
    object.insert("id".into(), json!(id(to_do, user_id)));
    object.insert("title".into(), json!(to_do.get_summary().unwrap_or_default()));
    object.insert("description".into(), json!(to_do.get_description()));
    object.insert("priority".into(), json!(to_do.get_priority().and_then(priority)));
    object.insert("labels".into(), json!(labels));
    object.insert("completed".into(), json!(is_completed));
    let completed_at = completed_at.or(changed_at).filter(|_| is_completed);
    object.insert("completed_at".into(), json!(completed_at));
    object.insert("due".into(), due(to_do, &mut notes));
    for (name, note) in [
        ("RRULE", "it does not repeat any more"),
        ("RECURRENCE-ID", "it is no repetition of another any more"),
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
fn id(to_do: &Todo, user_id: &str) -> Option<String> {
    let uid = to_do.get_uid()?;
    // What is different in one repetition has the UID of the to-do that repeats.
    let repetition = to_do.property_value("RECURRENCE-ID");
    if let (Some(id), None) = (TaskId::parse(uid), repetition) {
        return Some(id.to_string());
    }
    let name: Vec<_> = [user_id, uid].into_iter().chain(repetition).collect();
    let hash = digest::digest(&digest::SHA256, name.join("\0").as_bytes());
    let bits = hash.as_ref().first_chunk()?;
    seed::task_id(created_at(to_do)?, *bits).ok().map(|id| id.to_string())
}

/// Returns when a to-do was made, as far as it says so: some programs write no CREATED, or one in
/// the year 0.
fn created_at(to_do: &Todo) -> Option<Timestamp> {
    let past = 0..=Timestamp::now().unix_millis();
    let moment = |name| Timestamp::parse(&time(to_do.property_value(name)?)?);
    let names = ["CREATED", "DTSTAMP", "LAST-MODIFIED"];
    names.into_iter().filter_map(moment).find(|moment| past.contains(&moment.unix_millis()))
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
    let mut parameters = property.params().values();
    let time_zone = parameters.find(|it| it.key().eq_ignore_ascii_case("TZID"));
    match (time(value), time_zone.map(icalendar::Parameter::value)) {
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
