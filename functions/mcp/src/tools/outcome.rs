//! What became of each task of a call.

use serde::Serialize;
use shared::http::{self, Problem};
use shared::store::{Outcome, StoreError};
use shared::task::Task;

use crate::call_result::CallResult;

/// How much of a title a result repeats, in characters: enough to recognise the task by.
const TITLE_CHARS: usize = 80;

/// Why a task was not changed.
#[derive(Debug)]
pub(super) struct ItemError {
    outcome: &'static str,
    text: String,
    /// For the log.
    problem: Option<Box<Problem>>,
}

impl ItemError {
    /// The element breaks a rule, which `text` says.
    pub(super) fn invalid(text: String) -> ItemError {
        ItemError { outcome: "failed", text, problem: None }
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
            StoreError::NotBegun | StoreError::Unavailable(_) => {
                ("not_executed", Some("Nothing was changed. Call the tool again for this task"))
            }
            StoreError::OutcomeUnknown(_) => (
                "not_known",
                Some(
                    "It is not known whether this was done. The same call may be repeated; \
                     add_tasks only with ids or an idempotency_key, otherwise look with find_tasks \
                     first",
                ),
            ),
            StoreError::Changed(_) => (
                "failed",
                Some(
                    "The task is no longer as you have seen it, or another one has this id: read it \
                     with find_tasks",
                ),
            ),
            StoreError::KeyReused => {
                ("failed", Some("This idempotency_key was used for another task before"))
            }
            StoreError::InFlight => (
                "not_known",
                Some("A call with this idempotency_key is still under way: call again"),
            ),
            StoreError::InTrash => {
                ("failed", Some("The task with this id is in the trash: use restore_tasks"))
            }
            _ => ("failed", None),
        };
        let problem = Problem::from(error);
        let text = text.unwrap_or_else(|| problem.detail()).to_owned();
        ItemError { outcome, text, problem: Some(Box::new(problem)) }
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
        Err(ItemError { outcome, text, problem: _ }) => {
            ItemResult { outcome, id, title: None, revision: None, error: Some(text) }
        }
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
