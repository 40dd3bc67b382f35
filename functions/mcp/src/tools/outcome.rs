//! What became of each task of a call.

use serde::Serialize;
use shared::http::{self, Problem};
use shared::store::{Created, Outcome, StoreError};
use shared::task::{Invalid, Task};

use super::Tool;
use crate::call_result::CallResult;

/// How much of a title a result repeats, in characters: enough to recognise the task by.
const TITLE_CHARS: usize = 80;

/// Why a task was not changed.
#[derive(Debug)]
pub(super) enum ItemError {
    /// The element breaks a rule, which the text says.
    Invalid(String),
    Store(StoreError),
}

impl From<Invalid> for ItemError {
    fn from(invalid: Invalid) -> ItemError {
        ItemError::Invalid(invalid.to_string())
    }
}

impl From<Problem> for ItemError {
    fn from(problem: Problem) -> ItemError {
        ItemError::Invalid(problem.detail().to_owned())
    }
}

impl From<StoreError> for ItemError {
    fn from(error: StoreError) -> ItemError {
        ItemError::Store(error)
    }
}

/// Returns what the error of a task means for `tool`: the outcome, and what the model should do.
fn explain(tool: Tool, error: &StoreError) -> (&'static str, &'static str) {
    match error {
        StoreError::NotFound | StoreError::NotOwned => ("failed", "There is no such task"),
        StoreError::Deleted => ("failed", "The task is in the trash: restore_tasks brings it back"),
        StoreError::InTrash => {
            ("failed", "The task with this id is in the trash: use restore_tasks")
        }
        StoreError::Changed(_) if tool == Tool::Add => ("failed", "Another task has this id"),
        StoreError::Changed(_) => (
            "failed",
            "The task has changed since this revision, perhaps by this very call if you have sent \
             it before: read it with find_tasks",
        ),
        StoreError::NotBegun | StoreError::Unavailable(_) => {
            ("not_executed", "Nothing was changed. Repeat the call, with the same idempotency_key")
        }
        StoreError::InFlight => {
            ("not_known", "A call with this idempotency_key is still under way: repeat it")
        }
        StoreError::OutcomeUnknown(_) => (
            "not_known",
            "It is not known whether this was done. Repeat the call; add_tasks only with ids or \
             the same idempotency_key, otherwise look with find_tasks first",
        ),
        _ => ("failed", "An internal error occurred; it has been logged"),
    }
}

/// The result of a call.
#[derive(Serialize)]
struct Report {
    done: usize,
    not_done: usize,
    /// In the order of the call.
    results: Vec<ItemResult>,
}

#[derive(Default, Serialize)]
struct ItemResult {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// Whether an earlier call has added it.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_before: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Returns the result of a call, and notes its failures for the log. It is an error if nothing
/// was done. `ids` are those that the call has named.
pub(super) fn report(
    tool: Tool,
    ids: Vec<Option<String>>,
    outcomes: Vec<Result<Outcome, ItemError>>,
) -> CallResult {
    let (mut problems, mut results) = (Vec::new(), Vec::new());
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        results.push(match outcome {
            Ok(outcome) => ItemResult::done(id, &outcome),
            // It is where it should be.
            Err(ItemError::Store(StoreError::Deleted)) if tool == Tool::Delete => {
                ItemResult::done(id, &Outcome::Deleted)
            }
            Err(ItemError::Invalid(text)) => ItemResult::failed(id, "failed", text),
            Err(ItemError::Store(error)) => {
                let (outcome, text) = explain(tool, &error);
                problems.push(Problem::from(error));
                ItemResult::failed(id, outcome, text.to_owned())
            }
        });
    }
    http::record_results(results.len(), problems.iter());
    let done = results.iter().filter(|result| result.error.is_none()).count();
    CallResult::of(&Report { done, not_done: results.len() - done, results }, done == 0)
}

impl ItemResult {
    fn failed(id: Option<String>, outcome: &'static str, error: String) -> ItemResult {
        ItemResult { outcome, id, error: Some(error), ..ItemResult::default() }
    }

    fn done(id: Option<String>, outcome: &Outcome) -> ItemResult {
        let (task, replayed) = match outcome {
            Outcome::Created(Created { task, replayed }) => (Some(task), *replayed),
            Outcome::Written(task) => (Some(task), false),
            Outcome::Deleted => (None, false),
        };
        ItemResult {
            outcome: "done",
            id: task.map(|task| task.id.to_string()).or(id),
            title: task.map(recognisable),
            revision: task.map(|task| task.revision.to_string()),
            added_before: replayed.then_some(true),
            error: None,
        }
    }
}

fn recognisable(task: &Task) -> String {
    let mut title: String = task.title.chars().take(TITLE_CHARS).collect();
    if title.len() < task.title.len() {
        title.push('…');
    }
    title
}
