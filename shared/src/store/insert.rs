//! Stores tasks that already have ids.

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};

use super::Tasks;
use super::attempts::{Attempts, Failure, repeat};
use super::error::StoreError;
use super::item::{self, Item};
use crate::task::Task;

/// The most tasks that one request stores.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
pub const MAX_BATCH: usize = 25;

impl Tasks<'_> {
    /// Stores a task that already has an id, replacing any with the same id. It becomes
    /// this user's, whatever its `user_id` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the task may not have been stored.
    pub async fn insert(&self, task: &Task) -> Result<(), StoreError> {
        self.insert_all(std::slice::from_ref(task)).await
    }

    /// As [`Tasks::insert`], for any number of tasks with different ids. They are not
    /// stored atomically, but repeating the call does no harm.
    ///
    /// # Errors
    ///
    /// As [`Tasks::insert`]; some of the tasks may have been stored.
    pub async fn insert_all(&self, tasks: &[Task]) -> Result<(), StoreError> {
        for batch in tasks.chunks(MAX_BATCH) {
            let puts = batch.iter().map(|task| self.put(task)).collect::<Result<_, _>>()?;
            self.insert_batch(puts).await?;
        }
        Ok(())
    }

    async fn insert_batch(&self, mut requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let table = self.store.table.as_str();
        let mut attempts = Attempts::since(self.began);
        loop {
            let batch = self.store.client.batch_write_item().request_items(table, requests);
            let (result, _) = repeat(self.began, || batch.clone().send()).await;
            // DynamoDB returns what it had no capacity for.
            let mut left = result?.unprocessed_items.unwrap_or_default();
            requests = left.remove(table).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            if !attempts.another(Failure::Refused).await {
                let cause = format!("{} tasks of a batch were not stored", requests.len());
                return Err(StoreError::Unavailable(cause.into()));
            }
        }
    }

    fn put(&self, task: &Task) -> Result<WriteRequest, StoreError> {
        let mut item: Item = item::from_task(task);
        item.extend(self.key(task.id));
        let put = PutRequest::builder().set_item(Some(item)).build();
        let put = put.map_err(|error| StoreError::Unexpected(Box::new(error)))?;
        Ok(WriteRequest::builder().put_request(put).build())
    }
}
