//! Creating tasks.
//!
//! A create is one request, which only adds an item that was not there. So it may be retried
//! after any failure (`attempts.rs`).

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use super::Tasks;
use super::attempts::{Attempts, attempt, repeat, sort};
use super::error::StoreError;
use super::idempotency::BodyHash;
use super::item::{self, EPOCH, Item, MADE_DUE, MADE_FROM, UPDATED_AT, number, string};
use super::once::Once;
use crate::task::{IdempotencyKey, NewTask, Task, TaskId};

/// A task that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The task.
    pub task: Task,
    /// Whether an earlier request created it.
    pub replayed: bool,
}

impl Tasks<'_> {
    /// Stores a new task with a fresh id. With a key, only the first request with that
    /// key stores one; later requests within 24 hours return its task.
    ///
    /// ```no_run
    /// use shared::http::{Problem, Request};
    /// use shared::task::{IdempotencyKey, NewTask};
    ///
    /// # async fn handle(app: &shared::App, request: &Request) -> Result<(), Problem> {
    /// let user = app.authenticate(request).await?;
    /// let key = IdempotencyKey::parse("b6c4f0a2");
    /// let created = app.tasks(&user).create(NewTask::titled("Buy milk"), key.as_ref()).await?;
    /// assert_eq!(created.task.title, "Buy milk");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyReused`] if the key was used for another task,
    /// [`StoreError::InFlight`] if a request with the key is under way,
    /// [`StoreError::OutcomeUnknown`] if the task may or may not have been stored.
    pub async fn create(
        &self,
        new: NewTask,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created, StoreError> {
        if let Some(key) = key {
            return self.create_once(new, key).await;
        }
        let task = Task::with_id(self.store.clock.new_id(), self.user.id(), new);
        let put = self
            .store
            .client
            .put_item()
            .table_name(&self.store.table)
            .set_item(Some(item::from_task(&task)))
            .condition_expression("attribute_not_exists(task_id)")
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (result, attempts) = repeat(self.began, || put.clone().send()).await;
        match result {
            Ok(_) => Ok(Created { task, replayed: false }),
            Err(error) => match error.as_service_error() {
                // Nobody else can have created this id: an earlier attempt did.
                Some(PutItemError::ConditionalCheckFailedException(_)) => {
                    Ok(Created { task, replayed: false })
                }
                _ => Err(attempts.give_up(error)),
            },
        }
    }

    /// Stores a new task at the id `id`, which the client has made. If it has stored the same
    /// task there before, returns that as it is now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if the user has another task at this id,
    /// [`StoreError::InTrash`] if it is in the trash,
    /// [`StoreError::OutcomeUnknown`] if the task may or may not have been stored.
    pub async fn create_at(&self, id: TaskId, new: NewTask) -> Result<Created, StoreError> {
        let body = BodyHash::of(&new);
        let task = Task::with_id(id, self.user.id(), new);
        match self.store_anew(task, Some(&body)).await? {
            (task, None) => Ok(Created { task, replayed: false }),
            (task, Some(item)) => existing(item, task, &body),
        }
    }

    /// Stores `task` where there is none, with the time of now and the hash of its body, if it
    /// was made from one. Returns it as it was stored, and the item of the task that is there
    /// instead.
    pub(super) async fn store_anew(
        &self,
        mut task: Task,
        body: Option<&BodyHash>,
    ) -> Result<(Task, Option<Item>), StoreError> {
        self.user.id().clone_into(&mut task.user_id);
        task.updated_at = self.store.clock.now().max(task.id.created_at());
        let mut attempts = Attempts::since(self.began);
        loop {
            let put = self.put_anew(&task, body);
            let Err(error) = attempt(put.send()).await else { return Ok((task, None)) };
            let Some(item) = refused_item(&error) else {
                if attempts.another(sort(&error)).await {
                    continue;
                }
                return Err(attempts.give_up(error));
            };
            if !item::is_tombstone(&item) {
                return Ok((task, Some(item)));
            }
            // The task was deleted for good, by a clock that is ahead, or after an earlier
            // attempt.
            if attempts.maybe_done() {
                return Err(attempts.give_up(error));
            }
            task.updated_at = item::moment_of(&item, UPDATED_AT)?.succ();
        }
    }

    /// Returns the request that stores `task` where there is none, or where an older
    /// tombstone or a task is that has left the trash. A late attempt must not bring back
    /// what has been deleted since.
    fn put_anew(&self, task: &Task, body: Option<&BodyHash>) -> PutItemFluentBuilder {
        let mut item = item::from_task(task);
        if let Some(body) = body {
            body.write(&mut item, MADE_FROM, MADE_DUE);
        }
        let now = self.store.clock.now();
        // Refuses late updates of a task that was there before.
        item.insert(EPOCH.to_owned(), number(Once::new(now).epoch()));
        self.store
            .client
            .put_item()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .condition_expression(
                "attribute_not_exists(task_id) OR expires_at <= :unix OR \
                 (attribute_not_exists(title) AND updated_at < :now)",
            )
            .expression_attribute_values(":unix", number(now.unix_seconds()))
            .expression_attribute_values(":now", string(task.updated_at.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }
}

/// Returns the reply to a create of `task` at an id where `item` is.
fn existing(item: Item, task: Task, body: &BodyHash) -> Result<Created, StoreError> {
    if item::revision_of(&item)? == task.revision {
        // An earlier attempt, whose reply was lost.
        return Ok(Created { task, replayed: false });
    }
    if item::is_deleted(&item) {
        return Err(StoreError::InTrash);
    }
    let is_same = body.is_in(&item, MADE_FROM, MADE_DUE);
    let current = item::into_task(item)?;
    match is_same {
        true => Ok(Created { task: current, replayed: true }),
        false => Err(StoreError::Changed(Box::new(current))),
    }
}

/// Returns the item on which a create's condition failed; `None` if it failed for another
/// reason.
fn refused_item(error: &SdkError<PutItemError, HttpResponse>) -> Option<Item> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => refused.item().cloned(),
        _ => None,
    }
}
