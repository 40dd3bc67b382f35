//! `update_tasks`: changes what it names, and leaves the rest as it is.

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::task::{Operation, Precondition, Revision, TaskChanges, TaskChangesInput};

use super::argument::elements;
use super::element::{self, Element};
use super::{Item, ItemError, Refusal, check_ids, existing, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments<'a> {
    #[serde(borrow)]
    tasks: &'a RawValue,
}

/// Returns the update of each of the tasks, and its id as it was sent.
pub(super) fn items(arguments: &str) -> Result<Vec<Item>, Refusal> {
    let Arguments { tasks } = parse("arguments", arguments)?;
    let tasks = elements(tasks)?;
    let has_id = |element: &Element| element.id.as_ref().map(drop).ok_or("missing field `id`");
    let parsed = element::parse_all(&tasks, has_id)?;
    check_ids("tasks", parsed.len(), parsed.iter().filter_map(|it| it.id.as_deref()))?;
    let item = |(element, json): (Element, &RawValue)| {
        let operation = update(&element, json);
        (element.id, operation)
    };
    Ok(parsed.into_iter().zip(tasks).map(item).collect())
}

fn update(element: &Element, json: &RawValue) -> Result<Operation, ItemError> {
    let wrong = || ItemError::Invalid("revision must be that of find_tasks".to_owned());
    let precondition = match &element.revision {
        None => Precondition::Exists,
        Some(text) => Precondition::AnyOf(vec![Revision::parse(text).ok_or_else(wrong)?]),
    };
    let input: TaskChangesInput = parse("task", json.get()).map_err(ItemError::Invalid)?;
    let changes = TaskChanges::try_from(input)?;
    if changes == TaskChanges::default() {
        return Err(ItemError::Invalid("nothing is named that should change".to_owned()));
    }
    Ok(Operation::Update {
        id: existing(element.id.as_deref().unwrap_or_default())?,
        changes,
        precondition,
    })
}
