//! Writing tasks.
//!
//! Each write is one request that sets absolute values and a fresh revision,
//! so that repeating it changes nothing more; the flip alone builds on what it
//! finds. A condition keeps every update and delete to tasks that exist: an
//! `UpdateItem` would otherwise create one.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::error::StoreError;
use super::item::{
    self, COMPLETED, COMPLETED_AT, DESCRIPTION, DUE_KEY, FLIPPED_AT, FLIPPED_FROM, Item, PRIORITY,
    REVISION, TITLE, TITLE_KEY, UPDATED_AT, bytes, flag, string,
};
use super::{Tasks, title_key};
use crate::task::{
    Change, NewTask, Precondition, Revision, Task, TaskChanges, TaskId, Timestamp, Toggle,
};

/// The most revisions in a precondition: what DynamoDB takes behind `IN`.
pub const MAX_REVISIONS: usize = 100;

impl Tasks<'_> {
    /// Stores a new task with a fresh id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if it is not known to be stored.
    pub async fn create(&self, new: NewTask) -> Result<Task, StoreError> {
        let task = Task::new(self.user.id(), new);
        self.insert(&task).await?;
        Ok(task)
    }

    /// Stores a task that has its id already, over any with the same id: for
    /// tasks that come from elsewhere. Whatever its `user_id` says, it becomes
    /// this user's.
    ///
    /// # Errors
    ///
    /// As [`Tasks::create`].
    pub async fn insert(&self, task: &Task) -> Result<(), StoreError> {
        let mut item = item::from_task(task);
        item.extend(self.key(task.id));
        let put = self.store.client.put_item().table_name(&self.store.table);
        put.set_item(Some(item)).send().await?;
        Ok(())
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
        self.write(id, Update::changes(id, changes), precondition).await
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
        let update = match toggle {
            Toggle::Flip => Update::flip(id),
            Toggle::Set(completed) => {
                let changes = TaskChanges { completed: Some(completed), ..TaskChanges::default() };
                Update::changes(id, changes)
            }
        };
        self.write(id, update, precondition).await
    }

    /// Deletes the task `id` for good.
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`].
    pub async fn delete(&self, id: TaskId, precondition: &Precondition) -> Result<(), StoreError> {
        let (condition, values) = condition(precondition);
        let result = self
            .store
            .client
            .delete_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else { return Ok(()) };
        Err(match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refused)) => {
                self.why_refused(id, refused.item()).await
            }
            _ => error.into(),
        })
    }

    async fn write(
        &self,
        id: TaskId,
        update: Update,
        precondition: &Precondition,
    ) -> Result<Task, StoreError> {
        let (condition, mut values) = condition(precondition);
        let expression = update.expression();
        values.extend(update.values);
        let result = self
            .store
            .client
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(output) => Ok(item::into_task(output.attributes.unwrap_or_default())?),
            Err(error) => Err(match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    self.why_refused(id, refused.item()).await
                }
                _ => error.into(),
            }),
        }
    }

    /// Why a condition failed that found `item`.
    async fn why_refused(&self, id: TaskId, item: Option<&Item>) -> StoreError {
        match item {
            Some(_) => StoreError::Changed,
            None => self.why_missing(id).await,
        }
    }
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
#[derive(Default)]
struct Update {
    set: Vec<String>,
    remove: Vec<&'static str>,
    values: Item,
}

impl Update {
    /// Every write leaves its time and a revision of its own. The time is
    /// never before the task's creation, whatever the clocks say.
    fn of(id: TaskId) -> Update {
        let now = Timestamp::now().max(id.created_at());
        let mut update = Update::default();
        update.set(UPDATED_AT, string(now.to_string()));
        update.set(REVISION, string(Revision::new().to_string()));
        update
    }

    /// Sets what `changes` names, to absolute values.
    fn changes(id: TaskId, changes: TaskChanges) -> Update {
        let mut update = Update::of(id);
        if let Some(title) = changes.title {
            update.set(TITLE_KEY, bytes(title_key(&title)));
            update.set(TITLE, string(title));
        }
        update.change(DESCRIPTION, changes.description);
        update.change(PRIORITY, changes.priority.map(|priority| priority.as_str().to_owned()));
        match changes.due_date {
            Change::Keep => {}
            Change::Clear => update.set(DUE_KEY, string(item::due_key(None))),
            Change::Set(date) => update.set(DUE_KEY, string(item::due_key(Some(date)))),
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
    fn flip(id: TaskId) -> Update {
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
