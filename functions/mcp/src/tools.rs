//! The tools: what each accepts, does and returns.
//!
//! All of them take several tasks at once, and each task has a result of its own. Whatever a
//! tool does not know is refused before anything is done: a member that is ignored is a change
//! that the model believes it has made.

mod add;
mod argument;
mod element;
mod find;
mod ids;
mod outcome;
mod update;

use std::collections::HashSet;

use serde::Deserialize;
use shared::store::{StoreError, Tasks};
use shared::task::{Operation, Precondition, TaskId};

use crate::call_result::CallResult;
use outcome::ItemError;

/// The definitions of the tools, as `tools/list` returns them.
pub(crate) const DEFINITIONS: &str = include_str!("tools.json");

/// The most tasks that a tool changes in one call.
const MAX_ITEMS: usize = 25;

/// The length of an id.
const ID_BYTES: usize = 36;

/// The most bytes of a refusal: it may name what the caller has sent.
const MAX_REFUSAL_BYTES: usize = 500;

/// One of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Find,
    Add,
    Update,
    Complete,
    Reopen,
    Delete,
    Restore,
}

/// Why a call is refused as a whole, for the model.
pub(crate) type Refusal = String;

/// What to do with a task that a call names, and the id that it was sent with, if any.
type Item = (Option<String>, Result<Operation, ItemError>);

impl Tool {
    pub(crate) const ALL: [Tool; 7] = [
        Tool::Find,
        Tool::Add,
        Tool::Update,
        Tool::Complete,
        Tool::Reopen,
        Tool::Delete,
        Tool::Restore,
    ];

    /// Returns the tool of this name.
    pub(crate) fn named(name: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Tool::Find => "find_tasks",
            Tool::Add => "add_tasks",
            Tool::Update => "update_tasks",
            Tool::Complete => "complete_tasks",
            Tool::Reopen => "reopen_tasks",
            Tool::Delete => "delete_tasks",
            Tool::Restore => "restore_tasks",
        }
    }

    /// Whether it changes nothing.
    pub(crate) fn is_read_only(self) -> bool {
        self == Tool::Find
    }

    /// Carries out a call for the owner of `tasks`.
    pub(crate) async fn call(self, arguments: &str, tasks: Tasks<'_>) -> CallResult {
        let result = self.carry_out(arguments, tasks).await;
        result.unwrap_or_else(|mut refusal| {
            refusal.truncate(refusal.floor_char_boundary(MAX_REFUSAL_BYTES));
            CallResult::refused(&refusal, self.is_read_only())
        })
    }

    async fn carry_out(self, arguments: &str, tasks: Tasks<'_>) -> Result<CallResult, Refusal> {
        let set = |completed| {
            move |id| Operation::SetCompleted { id, completed, precondition: Precondition::Exists }
        };
        let items = match self {
            Tool::Find => return find::find(arguments, tasks).await,
            Tool::Add => add::items(arguments)?,
            Tool::Update => update::items(arguments)?,
            Tool::Complete => ids::items(arguments, set(true))?,
            Tool::Reopen => ids::items(arguments, set(false))?,
            // Not for good: what an agent deletes, its user can restore.
            Tool::Delete => ids::items(arguments, |id| Operation::Delete {
                id,
                permanent: false,
                precondition: Precondition::Exists,
            })?,
            Tool::Restore => ids::items(arguments, |id| Operation::Restore {
                id,
                precondition: Precondition::Exists,
            })?,
        };
        let (ids, operations) = items.into_iter().unzip();
        Ok(outcome::report(self, ids, tasks.carry_out(operations).await))
    }
}

/// Parses arguments, or an element of them. Refuses unknown members.
fn parse<'a, T: Deserialize<'a>>(what: &str, json: &'a str) -> Result<T, Refusal> {
    if !json.starts_with('{') {
        return Err(format!("{what} must be an object"));
    }
    serde_json::from_str(json).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        format!("{what}: {reason}")
    })
}

/// Refuses a call for too few or too many tasks, or for one task twice.
fn check_ids<'a>(
    member: &str,
    count: usize,
    ids: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    if !(1..=MAX_ITEMS).contains(&count) {
        return Err(format!("{member} must have 1 to {MAX_ITEMS} elements, not {count}"));
    }
    let mut seen = HashSet::new();
    for id in ids {
        if id.len() > ID_BYTES {
            return Err(format!("an id of {member} is longer than ids are"));
        }
        // An id may be sent in either case.
        if !seen.insert(id.to_ascii_lowercase()) {
            return Err(format!("{member} has the same id twice: {id}"));
        }
    }
    Ok(())
}

/// Parses the id of a task that must exist.
fn existing(id: &str) -> Result<TaskId, ItemError> {
    TaskId::parse(id).ok_or(ItemError::Store(StoreError::NotFound))
}
