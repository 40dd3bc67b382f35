//! Writing tasks.
//!
//! Each write is one request that sets absolute values and a fresh revision,
//! so that repeating it changes nothing more; the flip alone builds on what it
//! finds. `attempts.rs` tells what is repeated when. A condition keeps every
//! update and delete to tasks that exist: an `UpdateItem` would otherwise create
//! one.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};

use super::attempts::repeat;
use super::error::StoreError;
use super::item::{
    self, COMPLETED, COMPLETED_AT, DESCRIPTION, DUE_CHANGED, DUE_KEY, FLIPPED_AT, FLIPPED_FROM,
    Item, PRIORITY, REVISION, TITLE, TITLE_CHANGED, TITLE_KEY, UPDATED_AT, bytes, flag, number,
    string,
};
use super::{Tasks, title_key};
use crate::task::{
    Change, IdempotencyKey, NewTask, Precondition, Revision, Task, TaskChanges, TaskId, Timestamp,
    Toggle,
};

/// The most revisions in a precondition: what DynamoDB takes behind `IN`.
pub const MAX_REVISIONS: usize = 100;

/// A task that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The task as it was then.
    pub task: Task,
    /// Whether an earlier request with the same idempotency key created it.
    pub replayed: bool,
}

impl Tasks<'_> {
    /// Stores a new task with a fresh id. With a key, only the first request
    /// with that key does; those that follow within 24 hours find its task.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyReused`] if the key was used for another task,
    /// [`StoreError::InFlight`] if a request with the key is under way,
    /// [`StoreError::OutcomeUnknown`] if it is not known to be stored.
    pub async fn create(
        &self,
        new: NewTask,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created, StoreError> {
        if let Some(key) = key {
            return self.create_once(new, key).await;
        }
        let task = Task::new(self.user.id(), new);
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
                // Nobody else can have made this id: an earlier attempt did.
                Some(PutItemError::ConditionalCheckFailedException(_)) => {
                    Ok(Created { task, replayed: false })
                }
                _ => Err(attempts.give_up(error)),
            },
        }
    }

    /// Changes what `changes` names in the task `id`, and gives the task as it
    /// is then. Without any change nothing is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NotOwned`] if the user has no
    /// such task, [`StoreError::Changed`] if it does not fulfil
    /// `precondition`.
    pub async fn update(
        &self,
        id: TaskId,
        changes: TaskChanges,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        if changes == TaskChanges::default() {
            let task = self.get(id).await?;
            let holds = precondition.holds_for(task.revision);
            return if holds { Ok(task) } else { Err(StoreError::Changed) };
        }
        self.write(id, &Update::changes(id, changes), precondition).await
    }

    /// Flips the completion of the task `id`, or sets it, and gives the task
    /// as it is then.
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
        match toggle {
            Toggle::Flip => self.flip(id, precondition).await,
            Toggle::Set(completed) => {
                let changes = TaskChanges { completed: Some(completed), ..TaskChanges::default() };
                self.write(id, &Update::changes(id, changes), precondition).await
            }
        }
    }

    /// Deletes the task `id` for good.
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`].
    pub async fn delete(&self, id: TaskId, precondition: &Precondition) -> Result<(), StoreError> {
        let (condition, values) = condition(precondition);
        let delete = self
            .store
            .client
            .delete_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (result, attempts) = repeat(self.began, || delete.clone().send()).await;
        let Err(error) = result else { return Ok(()) };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refused)) => {
                match refused.item() {
                    Some(_) if attempts.maybe_done() => Err(attempts.give_up(error)),
                    Some(_) => Err(StoreError::Changed),
                    None => match self.why_missing(id).await {
                        // An earlier attempt has deleted it.
                        StoreError::NotFound if attempts.maybe_done() => Ok(()),
                        error => Err(attempts.tell(error)),
                    },
                }
            }
            _ => Err(attempts.give_up(error)),
        }
    }

    /// Sends an update that sets absolute values.
    async fn write(
        &self,
        id: TaskId,
        update: &Update,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        let send = || self.send_update(id, update, precondition, Only::AsOften);
        let (result, attempts) = repeat(self.began, send).await;
        let error = match result {
            Ok(output) => return Ok(item::into_task(output.attributes.unwrap_or_default())?),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                match refused.item().cloned().map(item::into_task).transpose()? {
                    // An earlier attempt has made this very change.
                    Some(task) if task.revision == update.revision() => Ok(task),
                    // Or it has, and somebody has changed the task since.
                    Some(_) if attempts.maybe_done() => Err(attempts.give_up(error)),
                    Some(_) => Err(StoreError::Changed),
                    None => Err(attempts.tell(self.why_missing(id).await)),
                }
            }
            _ => Err(attempts.give_up(error)),
        }
    }

    /// Sends an update, for a task that fulfils `precondition` and `only`.
    pub(super) async fn send_update(
        &self,
        id: TaskId,
        update: &Update,
        precondition: &Precondition,
        only: Only,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>> {
        let (mut condition, mut values) = condition(precondition);
        values.extend(update.values.clone());
        if let Only::Once(seen) = only {
            condition.push_str(" AND revision <> :revision");
            if let Some(seen) = seen {
                condition.push_str(" AND revision = :seen");
                values.insert(":seen".to_owned(), string(seen.to_string()));
            }
        }
        self.store
            .client
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .update_expression(update.expression())
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
    }
}

/// How often an update may be executed.
#[derive(Clone, Copy)]
pub(super) enum Only {
    /// As often as it arrives: it sets absolute values.
    AsOften,
    /// Once, and, if given, only for the task in this revision.
    Once(Option<Revision>),
}

/// The condition that a task exists and fulfils `precondition`, and the values
/// in it.
fn condition(precondition: &Precondition) -> (String, Item) {
    let mut expression = "attribute_exists(task_id)".to_owned();
    let mut values = Item::new();
    if let Precondition::Revision(any) = precondition {
        let mut names = Vec::with_capacity(any.len());
        for (index, revision) in any.iter().enumerate() {
            let name = format!(":expected{index}");
            values.insert(name.clone(), string(revision.to_string()));
            names.push(name);
        }
        if names.is_empty() {
            // Nothing fulfils it: every task has a revision.
            expression.push_str(" AND attribute_not_exists(revision)");
        } else {
            expression.push_str(&format!(" AND revision IN ({})", names.join(", ")));
        }
    }
    (expression, values)
}

/// The parts of an `UpdateExpression`. All of them see the item as it was
/// before.
pub(super) struct Update {
    now: Timestamp,
    revision: Revision,
    set: Vec<String>,
    remove: Vec<&'static str>,
    values: Item,
}

impl Update {
    /// Every write leaves its time and a revision of its own. The time is
    /// never before the task's creation, whatever the clocks say.
    fn of(id: TaskId) -> Update {
        let now = Timestamp::now().max(id.created_at());
        let revision = Revision::new();
        let mut update =
            Update { now, revision, set: Vec::new(), remove: Vec::new(), values: Item::new() };
        update.set(UPDATED_AT, string(now.to_string()));
        update.set(REVISION, string(revision.to_string()));
        update
    }

    /// Sets what `changes` names, to absolute values.
    fn changes(id: TaskId, changes: TaskChanges) -> Update {
        let mut update = Update::of(id);
        if let Some(title) = changes.title {
            update.set(TITLE_KEY, bytes(title_key(&title)));
            update.set(TITLE, string(title));
            update.moved(TITLE_CHANGED);
        }
        update.change(DESCRIPTION, changes.description);
        update.change(PRIORITY, changes.priority.map(|priority| priority.as_str().to_owned()));
        let due_date = match changes.due_date {
            Change::Keep => None,
            Change::Clear => Some(None),
            Change::Set(date) => Some(Some(date)),
        };
        if let Some(due_date) = due_date {
            update.set(DUE_KEY, string(item::due_key(due_date)));
            update.moved(DUE_CHANGED);
        }
        if let Some(completed) = changes.completed {
            update.set_completed(completed);
        }
        update
    }

    /// A task that is completed already keeps the time at which it became so.
    fn set_completed(&mut self, completed: bool) {
        self.set(COMPLETED, flag(completed));
        if completed {
            self.set.push(format!("{COMPLETED_AT} = if_not_exists({COMPLETED_AT}, :{UPDATED_AT})"));
        } else {
            self.remove.extend([COMPLETED_AT, FLIPPED_AT, FLIPPED_FROM]);
        }
    }

    /// Turns completion around without knowing it, so that any number of flips
    /// at once end where they must.
    pub(super) fn flip(id: TaskId) -> Update {
        let mut update = Update::of(id);
        update.values.insert(":one".into(), flag(true));
        update.set.extend([
            format!("{COMPLETED} = :one - {COMPLETED}"),
            format!("{FLIPPED_FROM} = {COMPLETED}"),
            format!("{FLIPPED_AT} = :{UPDATED_AT}"),
        ]);
        update.remove.push(COMPLETED_AT);
        update
    }

    /// Marks the task as one that may stand elsewhere now in the lists that are
    /// sorted by what has changed; see `list.rs`.
    fn moved(&mut self, attribute: &'static str) {
        self.set(attribute, number(self.now.unix_millis()));
    }

    /// What the item is named after this write.
    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    fn set(&mut self, attribute: &'static str, value: AttributeValue) {
        self.set.push(format!("{attribute} = :{attribute}"));
        self.values.insert(format!(":{attribute}"), value);
    }

    fn change(&mut self, attribute: &'static str, change: Change<String>) {
        match change {
            Change::Keep => {}
            Change::Clear => self.remove.push(attribute),
            Change::Set(value) => self.set(attribute, string(value)),
        }
    }

    fn expression(&self) -> String {
        let mut expression = format!("SET {}", self.set.join(", "));
        if !self.remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", self.remove.join(", ")));
        }
        expression
    }
}
