//! `add_tasks`: each task only once, if the call has ids or a key.

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::http;
use shared::task::{IdempotencyKey, NewTask, NewTaskInput, Operation};

use super::element::{self, Element};
use super::{Item, ItemError, Refusal, check_ids, parse};

/// The longest key of a call. Each of its tasks has a key made from it.
const MAX_KEY_BYTES: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments<'a> {
    #[serde(borrow)]
    tasks: Vec<&'a RawValue>,
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// Returns the create of each of the tasks, and its id, if it has one.
pub(super) fn items(arguments: &str) -> Result<Vec<(Option<String>, Item)>, Refusal> {
    let Arguments { tasks, idempotency_key } = parse("arguments", arguments)?;
    let is_new = |element: &Element| match element.revision {
        Some(_) => Err("unknown field `revision`"),
        None => Ok(()),
    };
    let elements = element::parse_all(&tasks, is_new)?;
    check_ids("tasks", elements.len(), elements.iter().filter_map(|it| it.id.as_deref()))?;
    if let Some(key) = &idempotency_key {
        if key.len() > MAX_KEY_BYTES || IdempotencyKey::parse(key).is_none() {
            return Err(format!(
                "idempotency_key must have 1 to {MAX_KEY_BYTES} visible characters"
            ));
        }
        if elements.iter().any(|element| element.id.is_some()) {
            return Err("give the tasks ids or the call an idempotency_key, not both".to_owned());
        }
    }
    let item = |(index, (element, json)): (usize, (Element, &RawValue))| {
        // The key of one task: the same call has the same ones.
        let key = idempotency_key.as_ref().map(|key| format!("mcp:{key}:{index}"));
        let item = create(&element, json, key);
        (element.id, item)
    };
    Ok(elements.into_iter().zip(tasks).enumerate().map(item).collect())
}

fn create(element: &Element, json: &RawValue, key: Option<String>) -> Item {
    let input: NewTaskInput = parse("task", json.get()).map_err(ItemError::invalid)?;
    let new =
        NewTask::try_from(input).map_err(|invalid| ItemError::invalid(invalid.to_string()))?;
    Ok(match &element.id {
        Some(id) => Operation::Create { id: http::new_id(id)?, new },
        None => Operation::Add { new, key: key.as_deref().and_then(IdempotencyKey::parse) },
    })
}
