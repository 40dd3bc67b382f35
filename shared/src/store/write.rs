//! Changing and deleting tasks.
//!
//! Each write is one request, which is executed at most once (`once.rs`), so it may be
//! retried after any failure (`attempts.rs`). It is conditional on the task's existence: an
//! `UpdateItem` would otherwise create one.

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};

use super::Tasks;
use super::attempts::{Attempts, Failure, attempt, repeat, sort};
use super::error::StoreError;
use super::item::{self, Item, TITLE, number};
use super::once::{Once, Refusal};
use super::update::{Edit, Update, condition};
use crate::task::{Precondition, Task, TaskChanges, TaskId, Toggle};

/// The most revisions in a precondition: DynamoDB's limit for `IN`.
pub const MAX_REVISIONS: usize = 100;

impl Tasks<'_> {
    /// Applies `changes` to the task `id`, and returns the updated task. Without any
    /// change, nothing is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] or [`StoreError::NotOwned`] if the user has no such task,
    /// [`StoreError::Changed`] if it does not fulfil `precondition`.
    pub async fn update(
        &self,
        id: TaskId,
        changes: TaskChanges,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        if changes == TaskChanges::default() {
            let task = self.get(id).await?;
            let holds = precondition.holds_for(task.revision);
            return if holds { Ok(task) } else { Err(StoreError::Changed(Box::new(task))) };
        }
        self.edit(id, &Edit::Set(changes), precondition).await
    }

    /// Flips or sets the completion of the task `id`, and returns the updated task.
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`].
    pub async fn toggle(
        &self,
        id: TaskId,
        toggle: Toggle,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        let edit = match toggle {
            Toggle::Flip => Edit::Flip,
            Toggle::Set(completed) => {
                Edit::Set(TaskChanges { completed: Some(completed), ..TaskChanges::default() })
            }
        };
        self.edit(id, &edit, precondition).await
    }

    /// Moves the task `id` to the trash, from which [`Tasks::restore`] takes it back for
    /// 30 days. Without a trash, as [`Tasks::delete_for_good`].
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`].
    pub async fn delete(&self, id: TaskId, precondition: &Precondition) -> Result<(), StoreError> {
        if !self.store.has_trash {
            return self.remove(id, precondition).await;
        }
        self.write(id, &Edit::Delete, precondition).await.map(|_| ())
    }

    /// Takes the task `id` out of the trash, as it was, and returns it. A task that is not
    /// in the trash stays as it is.
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`].
    pub async fn restore(
        &self,
        id: TaskId,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        self.edit(id, &Edit::Restore, precondition).await
    }

    /// Deletes the task `id` for good, from the lists or from the trash. A tombstone without
    /// content stays for 30 days, so that [`Tasks::changes`] reports the deletion; without a
    /// trash, nothing.
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`].
    pub async fn delete_for_good(
        &self,
        id: TaskId,
        precondition: &Precondition,
    ) -> Result<(), StoreError> {
        if !self.store.has_trash {
            return self.remove(id, precondition).await;
        }
        self.write(id, &Edit::Erase, precondition).await.map(|_| ())
    }

    /// Removes the task `id` without a trace, from the lists or from the trash.
    async fn remove(&self, id: TaskId, precondition: &Precondition) -> Result<(), StoreError> {
        let (mut condition, mut values) = condition(TITLE, precondition);
        condition.push_str(" AND (attribute_not_exists(expires_at) OR expires_at > :now)");
        let now = self.store.clock.now();
        values.insert(":now".to_owned(), number(now.unix_seconds()));
        let delete = self
            .store
            .client
            .delete_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (result, attempts) = repeat(self.began, || delete.clone().send()).await;
        let Err(error) = result else { return Ok(()) };
        let Some(DeleteItemError::ConditionalCheckFailedException(refused)) =
            error.as_service_error()
        else {
            return Err(attempts.give_up(error));
        };
        match refused.item() {
            Some(item) if item::is_tombstone(item) || item::is_expired(item, now)? => {
                Err(StoreError::NotFound)
            }
            // It is still there, so no attempt has deleted it.
            Some(item) => {
                let task = item::into_task(item.clone())?;
                Err(not_fulfilled(task, precondition, &attempts, error))
            }
            None => match self.why_missing(id).await {
                // An earlier attempt deleted it.
                StoreError::NotFound if attempts.maybe_done() => Ok(()),
                error => Err(attempts.tell(error)),
            },
        }
    }

    /// As [`Tasks::write`], of a task that is alive afterwards. Others may have deleted it
    /// since: if it is in the trash, the reply is the task without that.
    async fn edit(
        &self,
        id: TaskId,
        edit: &Edit,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        let item = self.write(id, edit, precondition).await?;
        if item::is_tombstone(&item) {
            return Err(StoreError::NotFound);
        }
        Ok(Task { deleted_at: None, ..item::into_task(item)? })
    }

    /// Updates a task and returns its item. If an attempt was executed and its reply was
    /// lost, the returned item may include later writes by others.
    async fn write(
        &self,
        id: TaskId,
        edit: &Edit,
        precondition: &Precondition,
    ) -> Result<Item, StoreError> {
        let mut attempts = Attempts::since(self.began);
        let mut once = Once::new(self.store.clock.now());
        let mut adaptations = 0;
        loop {
            let update = Update::attempt(id, edit, &once, precondition, self.store.clock.now());
            let sent_at = update.sent_at();
            let error = match attempt(self.send_update(id, update)).await {
                Ok(output) => return Ok(output.attributes.unwrap_or_default()),
                Err(error) => error,
            };
            let Some(refused) = refused_item(&error) else {
                if attempts.another(sort(&error)).await {
                    continue;
                }
                return Err(attempts.give_up(error));
            };
            let Some(item) = refused else {
                return Err(attempts.tell(self.why_missing(id).await));
            };
            let refusal = once.why_refused(&item)?;
            let adapted = once.adapt(&item, sent_at)?;
            match refusal {
                Refusal::Done => return Ok(item),
                Refusal::Forgotten if attempts.maybe_done() => return Err(attempts.give_up(error)),
                _ if edit.lacks(&item, sent_at)? => return Err(item::why_gone(&item, sent_at)?),
                _ if !precondition.holds_for(item::revision_of(&item)?) => {
                    let task = item::into_task(item)?;
                    return Err(not_fulfilled(task, precondition, &attempts, error));
                }
                _ if edit.is_done_in(&item) => return Ok(item),
                _ => {}
            }
            // Immediately the first time, then with pauses, because others are writing
            // the task.
            adaptations += 1;
            if !adapted || (adaptations > 1 && !attempts.another(Failure::Refused).await) {
                return Err(attempts.unavailable(error));
            }
        }
    }

    async fn send_update(
        &self,
        id: TaskId,
        update: Update,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>> {
        let (update, condition, values) = update.into_parts();
        self.store
            .client
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
    }
}

/// Returns the error for a `task` that no attempt has changed and that does not fulfil
/// `precondition`: the task has changed, unless an attempt that is still in flight might
/// find the precondition fulfilled.
fn not_fulfilled<E>(
    task: Task,
    precondition: &Precondition,
    attempts: &Attempts,
    error: SdkError<E, HttpResponse>,
) -> StoreError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if attempts.maybe_done() && !precondition.is_lost_for_good() {
        attempts.give_up(error)
    } else {
        StoreError::Changed(Box::new(task))
    }
}

/// Returns the item, if there is one, on which an update's condition failed; `None` if
/// the update failed for another reason.
fn refused_item(error: &SdkError<UpdateItemError, HttpResponse>) -> Option<Option<Item>> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            Some(refused.item().cloned())
        }
        _ => None,
    }
}
