//! The flip: the one write that builds on what it finds.
//!
//! Sent twice, it would undo itself and report success. So after a failure
//! that leaves open whether it was executed, a consistent read decides:
//!
//! - the item has this flip's own revision: it was executed, and is answered
//!   as if nothing had happened;
//! - nobody can have written the item since this invocation began: it was not
//!   executed. It is sent again, on condition that the item still is as it was
//!   read. Should the lost request arrive late after all, it finds its own
//!   revision and does nothing: that is a condition of every flip;
//! - anything else: other writes have covered the traces, and the caller is
//!   told that the outcome is not known.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::Tasks;
use super::attempts::{Attempts, attempt, sort};
use super::error::StoreError;
use super::item;
use super::write::{Only, Update};
use crate::task::{Precondition, Revision, Task, TaskId, Timestamp};

/// How long after the time in `updated_at` a write may still be executed: a
/// function lives at most ten seconds, and clocks differ by one.
const LONGEST_WRITE: Duration = Duration::from_secs(11);

impl Tasks<'_> {
    /// Flips the completion of the task `id`.
    pub(super) async fn flip(
        &self,
        id: TaskId,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        let began = Timestamp::now();
        let update = Update::flip(id);
        let mut attempts = Attempts::since(self.began);
        // The revision that the item was read in after an ambiguous failure.
        let mut seen = None;
        loop {
            let send = self.send_update(id, &update, precondition, Only::Once(seen));
            let result = attempt(send).await;
            let error = match result {
                Ok(output) => {
                    return Ok(item::into_task(output.attributes.unwrap_or_default())?);
                }
                Err(error) => error,
            };
            if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) =
                error.as_service_error()
            {
                let found = refused.item().cloned().map(item::into_task).transpose()?;
                return match found {
                    Some(task) if task.revision == update.revision() => Ok(task),
                    Some(_) if attempts.maybe_done() => Err(attempts.give_up(error)),
                    Some(_) => Err(StoreError::Changed),
                    None => Err(attempts.tell(self.why_missing(id).await)),
                };
            }
            if !attempts.another(sort(&error)).await {
                return Err(attempts.give_up(error));
            }
            if attempts.maybe_done() {
                let task = self.get(id).await.map_err(|error| attempts.tell(error))?;
                match what_happened(&task, update.revision(), began) {
                    Traces::Executed => return Ok(task),
                    Traces::NotExecuted => seen = Some(task.revision),
                    Traces::Covered => return Err(attempts.give_up(error)),
                }
            }
        }
    }
}

/// What an item tells of a flip that may have been executed.
#[derive(Debug, PartialEq, Eq)]
enum Traces {
    Executed,
    NotExecuted,
    Covered,
}

fn what_happened(task: &Task, own: Revision, began: Timestamp) -> Traces {
    if task.revision == own {
        Traces::Executed
    } else if task.updated_at.is_before_by(began, LONGEST_WRITE) {
        Traces::NotExecuted
    } else {
        Traces::Covered
    }
}
