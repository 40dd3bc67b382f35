//! `add_tasks`: each task only once, if the call has ids or a key.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use shared::http;
use shared::task::{IdempotencyKey, NewTask, NewTaskInput, Operation};

use super::argument::{Argument, elements};
use super::element::{self, Element};
use super::{Item, ItemError, Refusal, check_ids, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments<'a> {
    #[serde(borrow)]
    tasks: &'a RawValue,
    #[serde(default)]
    idempotency_key: Argument,
}

/// Returns the create of each of the tasks, and its id, if it has one.
pub(super) fn items(arguments: &str) -> Result<Vec<Item>, Refusal> {
    let Arguments { tasks, idempotency_key } = parse("arguments", arguments)?;
    let tasks = elements(tasks)?;
    let idempotency_key = idempotency_key.text("idempotency_key")?;
    let is_new = |element: &Element| match element.revision {
        Some(_) => Err("unknown field `revision`"),
        None => Ok(()),
    };
    let parsed = element::parse_all(&tasks, is_new)?;
    check_ids("tasks", parsed.len(), parsed.iter().filter_map(|it| it.id.as_deref()))?;
    let key = idempotency_key.map(|key| parse_key(&key)).transpose()?;
    if key.is_some() && parsed.iter().any(|element| element.id.is_some()) {
        return Err("give the tasks ids or the call an idempotency_key, not both".to_owned());
    }
    let mut parts = HashMap::new();
    let item = |(element, json): (Element, &RawValue)| {
        let key = key.as_ref().map(|key| key.of_part(&part(json, &mut parts)));
        let operation = create(&element, json, key);
        (element.id, operation)
    };
    Ok(parsed.into_iter().zip(tasks).map(item).collect())
}

fn parse_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    let rule = || "idempotency_key must have 1 to 255 visible ASCII characters".to_owned();
    IdempotencyKey::parse(text).ok_or_else(rule)
}

/// Returns what tells a task of a call from the others: its content, in whatever order and form
/// it was sent, and how many such tasks are before it. So a model may repeat a call with only
/// those tasks that were not added.
fn part(json: &RawValue, before: &mut HashMap<String, usize>) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(json.get()).unwrap_or_default();
    members.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|it| !it.is_empty()));
    let content = Value::Object(members).to_string();
    let count = before.entry(content.clone()).or_default();
    *count += 1;
    format!("{count} {content}")
}

fn create(
    element: &Element,
    json: &RawValue,
    key: Option<IdempotencyKey>,
) -> Result<Operation, ItemError> {
    let input: NewTaskInput = parse("task", json.get()).map_err(ItemError::Invalid)?;
    let new = NewTask::try_from(input)?;
    Ok(match &element.id {
        Some(id) => Operation::Create { id: http::new_id(id)?, new },
        None => Operation::Add { new, key },
    })
}
