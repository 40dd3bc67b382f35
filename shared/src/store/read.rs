//! Reading one task.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::Tasks;
use super::attempts::repeat;
use super::error::StoreError;
use super::item::{self, Item, TASK_ID, USER_ID, string};
use crate::task::{Task, TaskId};

/// The index that maps each task to its owner, and holds nothing else.
const BY_ID: &str = "by_id";

/// The condition of [`Tasks::query`].
pub(super) const OF_THE_USER: &str = "user_id = :user";

impl Tasks<'_> {
    /// Returns the task `id`, with every write that was acknowledged before.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] or [`StoreError::NotOwned`] if the user has no
    /// such task.
    pub async fn get(&self, id: TaskId) -> Result<Task, StoreError> {
        let get = self
            .store
            .client
            .get_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (result, _) = repeat(self.began, || get.clone().send()).await;
        match result?.item {
            Some(item) if item::is_living(&item) => Ok(item::into_task(item)?),
            Some(item) => Err(item::why_gone(&item, self.store.clock.now())?),
            None => Err(self.why_missing(id).await),
        }
    }

    /// Returns why the user has no task `id`: nobody has it, or somebody else does. Call
    /// it only when the user is known not to have the task.
    pub(super) async fn why_missing(&self, id: TaskId) -> StoreError {
        let query = self
            .store
            .client
            .query()
            .table_name(&self.store.table)
            .index_name(BY_ID)
            .key_condition_expression("task_id = :id")
            .expression_attribute_values(":id", string(id.to_string()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (result, _) = repeat(self.began, || query.clone().send()).await;
        let owners = match result {
            Ok(output) => output.items.unwrap_or_default(),
            Err(error) => return error.into(),
        };
        // The index lags behind the table, so it may still hold the user's own task after
        // a delete.
        let me = string(self.user.id());
        let is_other = |item: &Item| item.get(USER_ID).is_some_and(|owner| *owner != me);
        if owners.iter().any(is_other) { StoreError::NotOwned } else { StoreError::NotFound }
    }

    /// Begins a query of the user's partition, of the table or of an index. A key condition of
    /// its own must repeat [`OF_THE_USER`].
    pub(super) fn query(&self) -> QueryFluentBuilder {
        self.store
            .client
            .query()
            .table_name(&self.store.table)
            .key_condition_expression(OF_THE_USER)
            .expression_attribute_values(":user", string(self.user.id()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// Returns the key of the user's task `id`.
    pub(super) fn key(&self, id: TaskId) -> Item {
        let values: [(&str, AttributeValue); 2] =
            [(USER_ID, string(self.user.id())), (TASK_ID, string(id.to_string()))];
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
