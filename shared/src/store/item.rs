//! Converts a task to an item of the table, and back.

mod attributes;
mod due;

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;

use super::error::{BadItem, StoreError};
use super::title_key;
use crate::task::{Labels, Priority, Revision, Task, TaskId, Timestamp};

pub(super) use attributes::*;
pub(super) use due::due_attribute;

/// An item, or the key of one.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Encodes a boolean as a number: only strings, numbers and bytes can be keys, and only
/// numbers can be subtracted from one.
pub(super) fn flag(value: bool) -> AttributeValue {
    number(u8::from(value))
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(value.into())
}

pub(super) fn strings(labels: &Labels) -> AttributeValue {
    AttributeValue::L(labels.as_slice().iter().map(string).collect())
}

/// Returns the `due_date` as the index sorts it.
pub(super) fn due_key(due_date: Option<Timestamp>) -> String {
    due_date.map_or_else(|| UNDATED.to_owned(), |moment| moment.to_string())
}

/// Converts a task to an item.
pub(super) fn from_task(task: &Task) -> Item {
    let Task {
        id,
        user_id,
        title,
        description,
        completed,
        priority,
        due,
        labels,
        updated_at,
        completed_at,
        deleted_at,
        revision,
    } = task;
    let mut item = Item::from([
        (USER_ID.into(), string(user_id)),
        (TASK_ID.into(), string(id.to_string())),
        (COMPLETED.into(), flag(*completed)),
        (TITLE.into(), string(title)),
        (TITLE_KEY.into(), bytes(title_key(title))),
        (DUE_KEY.into(), string(due_key(task.due_date()))),
        (UPDATED_AT.into(), string(updated_at.to_string())),
        (REVISION.into(), string(revision.to_string())),
    ]);
    let optional = [
        (DESCRIPTION, description.clone()),
        (PRIORITY, priority.map(|priority| priority.as_str().to_owned())),
        (COMPLETED_AT, completed_at.map(|moment| moment.to_string())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            item.insert(name.into(), string(value));
        }
    }
    if let Some(due) = due.as_ref().and_then(due_attribute) {
        item.insert(DUE.into(), due);
    }
    if !labels.is_empty() {
        item.insert(LABELS.into(), strings(labels));
    }
    if let Some(deleted_at) = deleted_at {
        for (key, buried) in BURIED {
            item.remove(key).map(|value| item.insert(buried.into(), value));
        }
        item.insert(DELETED_AT.into(), string(deleted_at.to_string()));
        item.insert(EXPIRES_AT.into(), number(expires_at(*deleted_at)));
    }
    item
}

/// Returns when a task leaves the trash, in seconds since 1970.
pub(super) fn expires_at(deleted_at: Timestamp) -> i64 {
    deleted_at.unix_seconds() + TRASH.as_secs() as i64
}

/// Whether the item is a task that has left the trash by `now`. DynamoDB removes it days
/// later.
pub(super) fn is_expired(item: &Item, now: Timestamp) -> Result<bool, BadItem> {
    let expires_at: Option<i64> = number_of(item, EXPIRES_AT)?;
    Ok(expires_at.is_some_and(|seconds| seconds <= now.unix_seconds()))
}

/// Whether the item is a living task, neither in the trash nor a tombstone.
pub(super) fn is_living(item: &Item) -> bool {
    item.contains_key(COMPLETED)
}

/// Whether the item is what is left of a task that was deleted for good.
pub(super) fn is_tombstone(item: &Item) -> bool {
    !is_living(item) && !is_deleted(item)
}

/// Whether the item is a task in the trash.
pub(super) fn is_deleted(item: &Item) -> bool {
    item.contains_key(DELETED_AT)
}

/// Returns why there is no task for an operation that has found this item.
pub(super) fn why_gone(item: &Item, now: Timestamp) -> Result<StoreError, BadItem> {
    let in_trash = is_deleted(item) && !is_expired(item, now)?;
    Ok(if in_trash { StoreError::Deleted } else { StoreError::NotFound })
}

/// Converts an item to a task.
pub(super) fn into_task(mut item: Item) -> Result<Task, BadItem> {
    let user_id = required(&mut item, USER_ID)?;
    into_task_of(user_id, item)
}

/// Converts an item of the user `user_id`, which it need not contain, to a task.
pub(super) fn into_task_of(user_id: String, mut item: Item) -> Result<Task, BadItem> {
    let deleted_at = take(&mut item, DELETED_AT)?;
    if deleted_at.is_some() {
        for (key, buried) in BURIED {
            item.remove(buried).map(|value| item.insert(key.into(), value));
        }
    }
    let completed = take_flag(&mut item, COMPLETED)?.ok_or(BadItem { attribute: COMPLETED })?;
    Ok(Task {
        completed_at: if completed { completed_at(&mut item)? } else { None },
        completed,
        due: match required(&mut item, DUE_KEY)?.as_str() {
            UNDATED => None,
            date => Some(due::due_of(moment(date, DUE_KEY)?, item.remove(DUE))?),
        },
        id: TaskId::parse(&required(&mut item, TASK_ID)?).ok_or(BadItem { attribute: TASK_ID })?,
        user_id,
        title: required(&mut item, TITLE)?,
        description: take(&mut item, DESCRIPTION)?,
        priority: take(&mut item, PRIORITY)?
            .map(|name| Priority::parse(&name).ok_or(BadItem { attribute: PRIORITY }))
            .transpose()?,
        labels: take_labels(&mut item)?,
        updated_at: moment(&required(&mut item, UPDATED_AT)?, UPDATED_AT)?,
        deleted_at: deleted_at.map(|text| moment(&text, DELETED_AT)).transpose()?,
        revision: Revision::parse(&required(&mut item, REVISION)?)
            .ok_or(BadItem { attribute: REVISION })?,
    })
}

/// Returns when a completed task was completed: at the last flip, if that found it
/// pending, otherwise at the write that set `completed_at`. A flip does not know the
/// state it finds, so it cannot write one attribute for both; see `docs/data-model.md`.
fn completed_at(item: &mut Item) -> Result<Option<Timestamp>, BadItem> {
    let attribute = match take_flag(item, FLIPPED_FROM)? {
        Some(false) => FLIPPED_AT,
        Some(true) | None => COMPLETED_AT,
    };
    take(item, attribute)?.map(|text| moment(&text, attribute)).transpose()
}

/// Takes the string `attribute` from an item, if it has one.
pub(super) fn take(item: &mut Item, attribute: &'static str) -> Result<Option<String>, BadItem> {
    match item.remove(attribute) {
        None => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(BadItem { attribute }),
    }
}

/// Takes the labels from an item. Those of earlier versions have none.
fn take_labels(item: &mut Item) -> Result<Labels, BadItem> {
    let text = |value| match value {
        AttributeValue::S(text) => Ok(text),
        _ => Err(BadItem { attribute: LABELS }),
    };
    match item.remove(LABELS) {
        None => Ok(Labels::default()),
        Some(AttributeValue::L(values)) => {
            values.into_iter().map(text).collect::<Result<_, _>>().map(Labels::stored)
        }
        Some(_) => Err(BadItem { attribute: LABELS }),
    }
}

fn required(item: &mut Item, attribute: &'static str) -> Result<String, BadItem> {
    take(item, attribute)?.ok_or(BadItem { attribute })
}

fn take_flag(item: &mut Item, attribute: &'static str) -> Result<Option<bool>, BadItem> {
    match item.remove(attribute) {
        None => Ok(None),
        Some(AttributeValue::N(number)) if number == "0" => Ok(Some(false)),
        Some(AttributeValue::N(number)) if number == "1" => Ok(Some(true)),
        Some(_) => Err(BadItem { attribute }),
    }
}

/// Returns the number in `attribute` of an item, if it has one.
pub(super) fn number_of<N: FromStr>(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<N>, BadItem> {
    let Some(value) = item.get(attribute) else { return Ok(None) };
    let number = value.as_n().ok().and_then(|number| number.parse().ok());
    number.map(Some).ok_or(BadItem { attribute })
}

/// Returns the moment in `attribute` of an item.
pub(super) fn moment_of(item: &Item, attribute: &'static str) -> Result<Timestamp, BadItem> {
    let text = item.get(attribute).and_then(|value| value.as_s().ok());
    text.map_or(Err(BadItem { attribute }), |text| moment(text, attribute))
}

/// Returns the revision in an item.
pub(super) fn revision_of(item: &Item) -> Result<Revision, BadItem> {
    let revision = item.get(REVISION).and_then(|value| Revision::parse(value.as_s().ok()?));
    revision.ok_or(BadItem { attribute: REVISION })
}

/// Returns the id in an item.
pub(super) fn id_of(item: &Item) -> Result<TaskId, BadItem> {
    let id = item.get(TASK_ID).and_then(|value| TaskId::parse(value.as_s().ok()?));
    id.ok_or(BadItem { attribute: TASK_ID })
}

fn moment(text: &str, attribute: &'static str) -> Result<Timestamp, BadItem> {
    Timestamp::parse(text).ok_or(BadItem { attribute })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Due, DueKind, NewTask};

    fn task() -> Task {
        let new = NewTask {
            title: "Écrire".into(),
            description: Some("…".into()),
            priority: Some(Priority::High),
            due: Due::parse("2027-02-10"),
            labels: Labels::stored(vec!["Été".into(), "home".into()]),
        };
        Task::with_id(TaskId::new(), "user_a", new)
    }

    fn due_in_berlin() -> Due {
        let local = at("2027-02-10T09:00");
        let kind = DueKind::Zoned { local, time_zone: "Europe/Berlin".into() };
        Due::stored(at("2027-02-10T08:00"), kind)
    }

    fn local() -> Due {
        Due::parse("2027-02-10T09:00").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_task_survives_the_round_trip() {
        let dated = task();
        assert_eq!(into_task(from_task(&dated)).unwrap(), dated);
        let bare = Task {
            description: None,
            priority: None,
            due: None,
            labels: Labels::default(),
            ..dated
        };
        assert_eq!(into_task(from_task(&bare)).unwrap(), bare);
        for due in [due_in_berlin(), at("2027-02-10T09:00").into(), local()] {
            let due = Task { due: Some(due), ..bare.clone() };
            assert_eq!(into_task(from_task(&due)).unwrap(), due);
        }
        let done = Task { completed: true, completed_at: Some(at("2027-02-11")), ..bare };
        assert_eq!(into_task(from_task(&done)).unwrap(), done);
        let deleted = Task { deleted_at: Some(at("2027-02-12")), ..done };
        let item = from_task(&deleted);
        assert!(BURIED.iter().all(|(key, _)| !item.contains_key(*key)), "it is in no list");
        assert_eq!(into_task(item).unwrap(), deleted);
    }

    #[test]
    fn a_due_date_means_no_more_than_its_moment_after_that_has_changed_alone() {
        for due in [due_in_berlin(), local(), Due::parse("2027-02-10").unwrap()] {
            let mut item = from_task(&Task { due: Some(due), ..task() });
            item.insert(DUE_KEY.into(), string("2027-02-11T00:00:00.000Z"));
            assert_eq!(into_task(item).unwrap().due, Some(at("2027-02-11").into()));
        }
    }

    #[test]
    fn nothing_of_its_content_is_left_in_a_tombstone() {
        let mut done = from_task(&Task { completed: true, ..task() });
        for attribute in [COMPLETED_AT, FLIPPED_AT, FLIPPED_FROM] {
            done.insert(attribute.into(), flag(true));
        }
        let deleted = from_task(&Task { deleted_at: Some(at("2027-02-12")), ..task() });
        for mut item in [done, deleted] {
            item.retain(|name, _| !CONTENT.contains(&name.as_str()));
            item.remove(EXPIRES_AT);
            let mut left: Vec<String> = item.into_keys().collect();
            left.sort();
            assert_eq!(left, [REVISION, TASK_ID, UPDATED_AT, USER_ID]);
        }
    }

    #[test]
    fn a_task_needs_only_the_attributes_that_lists_read() {
        let mut item = from_task(&Task { completed: true, ..task() });
        item.insert(COMPLETED_AT.into(), string("2027-02-12T00:00:00.000Z"));
        for (flipped_from, expected) in [(false, "2027-02-11"), (true, "2027-02-12")] {
            item.insert(FLIPPED_AT.into(), string("2027-02-11T00:00:00.000Z"));
            item.insert(FLIPPED_FROM.into(), flag(flipped_from));
            let whole = into_task(item.clone()).unwrap();
            let mut read = item.clone();
            read.retain(|name, _| OF_A_TASK.contains(&name.as_str()));
            let listed = into_task_of("user_a".to_owned(), read).unwrap();
            assert_eq!(listed, whole);
            assert_eq!(listed.completed_at, Some(at(expected)));
        }
    }

    #[test]
    fn a_flip_that_completed_the_task_takes_precedence_over_a_later_write() {
        let mut item = from_task(&task());
        item.insert(COMPLETED.into(), flag(true));
        item.insert(COMPLETED_AT.into(), string("2027-02-12T00:00:00.000Z"));
        item.insert(FLIPPED_AT.into(), string("2027-02-11T00:00:00.000Z"));
        item.insert(FLIPPED_FROM.into(), flag(false));
        let flipped = into_task(item.clone()).unwrap();
        assert_eq!(flipped.completed_at, Some(at("2027-02-11")));
        item.insert(FLIPPED_FROM.into(), flag(true));
        assert_eq!(into_task(item).unwrap().completed_at, Some(at("2027-02-12")));
    }

    #[test]
    fn the_error_for_an_invalid_item_names_the_attribute() {
        for attribute in [USER_ID, TASK_ID, COMPLETED, TITLE, DUE_KEY, UPDATED_AT, REVISION] {
            let mut item = from_task(&task());
            item.remove(attribute);
            assert_eq!(into_task(item).unwrap_err().attribute, attribute);
            let mut item = from_task(&task());
            item.insert(attribute.into(), AttributeValue::Bool(true));
            assert_eq!(into_task(item).unwrap_err().attribute, attribute);
        }
    }
}
