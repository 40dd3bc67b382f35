//! What became of each task of a call.

use serde::Serialize;
use shared::http::{self, Problem};
use shared::store::{Created, Outcome, StoreError};
use shared::task::Task;

use super::Tool;
use crate::call_result::CallResult;

/// How much of a title a result repeats, in characters: enough to recognise the task by.
const TITLE_CHARS: usize = 80;

/// Why a task was not changed.
#[derive(Debug)]
pub(super) struct ItemError {
    outcome: &'static str,
    text: String,
    cause: Cause,
    /// For the log.
    problem: Option<Box<Problem>>,
}

/// A reason that means something else to some of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    InTrash,
    Changed,
    Other,
}

impl ItemError {
    /// The element breaks a rule, which `text` says.
    pub(super) fn invalid(text: String) -> ItemError {
        ItemError { outcome: "failed", text, cause: Cause::Other, problem: None }
    }

    pub(super) fn not_found() -> ItemError {
        StoreError::NotFound.into()
    }
}

impl From<Problem> for ItemError {
    fn from(problem: Problem) -> ItemError {
        ItemError::invalid(problem.detail().to_owned())
    }
}

impl From<StoreError> for ItemError {
    fn from(error: StoreError) -> ItemError {
        let (outcome, text) = match &error {
            StoreError::NotFound | StoreError::NotOwned => ("failed", "There is no such task"),
            StoreError::Deleted => {
                ("failed", "The task is in the trash: restore_tasks brings it back")
            }
            StoreError::InTrash => {
                ("failed", "The task with this id is in the trash: use restore_tasks")
            }
            StoreError::Changed(_) => (
                "failed",
                "The task has changed since this revision, perhaps by this very call if you have \
                 sent it before: read it with find_tasks",
            ),
            StoreError::NotBegun | StoreError::Unavailable(_) => (
                "not_executed",
                "Nothing was changed. Repeat the call, with the same idempotency_key",
            ),
            StoreError::InFlight => {
                ("not_known", "A call with this idempotency_key is still under way: repeat it")
            }
            StoreError::OutcomeUnknown(_) => (
                "not_known",
                "It is not known whether this was done. Repeat the call; add_tasks only with ids or \
                 the same idempotency_key, otherwise look with find_tasks first",
            ),
            _ => ("failed", "An internal error occurred; it has been logged"),
        };
        let cause = match &error {
            StoreError::Deleted => Cause::InTrash,
            StoreError::Changed(_) => Cause::Changed,
            _ => Cause::Other,
        };
        let problem = Some(Box::new(Problem::from(error)));
        ItemError { outcome, text: text.to_owned(), cause, problem }
    }
}

/// Returns what an outcome means to `tool`.
pub(super) fn of_tool(
    tool: Tool,
    outcome: Result<Outcome, ItemError>,
) -> Result<Outcome, ItemError> {
    match (tool, outcome) {
        // It is where it should be.
        (Tool::Delete, Err(ItemError { cause: Cause::InTrash, .. })) => Ok(Outcome::Deleted),
        (Tool::Add, Err(error)) if error.cause == Cause::Changed => {
            Err(ItemError { text: "Another task has this id".to_owned(), ..error })
        }
        (_, outcome) => outcome,
    }
}

/// The result of a call.
#[derive(Serialize)]
struct Report<'a> {
    done: usize,
    not_done: usize,
    /// In the order of the call.
    results: Vec<ItemResult<'a>>,
}

#[derive(Serialize)]
struct ItemResult<'a> {
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
    error: Option<&'a str>,
}

/// Returns the result of a call, and notes its failures for the log. It is an error if nothing
/// was done. `ids` are those that the call has named.
pub(super) fn report(
    ids: Vec<Option<String>>,
    outcomes: &[Result<Outcome, ItemError>],
) -> CallResult {
    let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let problems = errors.filter_map(|error| error.problem.as_deref());
    http::record_results(outcomes.len(), problems);
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let results = ids.into_iter().zip(outcomes).map(|(id, outcome)| match outcome {
        Ok(outcome) => ItemResult::done(id, outcome),
        Err(ItemError { outcome, text, .. }) => ItemResult {
            outcome,
            id,
            title: None,
            revision: None,
            added_before: None,
            error: Some(text),
        },
    });
    let report = Report { done, not_done: outcomes.len() - done, results: results.collect() };
    CallResult::of(&report, done == 0)
}

impl<'a> ItemResult<'a> {
    fn done(id: Option<String>, outcome: &Outcome) -> ItemResult<'a> {
        let task = match outcome {
            Outcome::Created(created) => Some(&created.task),
            Outcome::Written(task) => Some(task),
            Outcome::Deleted => None,
        };
        ItemResult {
            outcome: "done",
            id: task.map(|task| task.id.to_string()).or(id),
            title: task.map(recognisable),
            revision: task.map(|task| task.revision.to_string()),
            added_before: matches!(outcome, Outcome::Created(Created { replayed: true, .. }))
                .then_some(true),
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
