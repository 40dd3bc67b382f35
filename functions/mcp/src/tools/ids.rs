//! Tools that take nothing but the ids of tasks.

use serde::Deserialize;
use shared::task::{Operation, TaskId};

use super::argument::Argument;
use super::{Item, Refusal, check_ids, existing, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    ids: Argument,
}

/// Returns the operation for each of the tasks, and its id as it was sent.
pub(super) fn items(
    arguments: &str,
    operation: impl Fn(TaskId) -> Operation,
) -> Result<Vec<Item>, Refusal> {
    let Arguments { ids } = parse("arguments", arguments)?;
    let ids = ids.texts("ids")?.unwrap_or_default();
    check_ids("ids", ids.len(), ids.iter().map(String::as_str))?;
    let item = |id: String| {
        let operation = existing(&id).map(&operation);
        (Some(id), operation)
    };
    Ok(ids.into_iter().map(item).collect())
}
