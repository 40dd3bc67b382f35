//! All that a user has: exporting it, and erasing it.
//!
//! Both read the user's partition of the table in order of creation, and go on after a task.
//! An index would be shorter where much is deleted, but lags: it could lack a task that was
//! written before.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use futures_util::{StreamExt, future, stream};

use super::Tasks;
use super::attempts::repeat;
use super::batch::AT_A_TIME;
use super::error::StoreError;
use super::item::{self, EXPIRES_AT, Item, OF_A_TASK, OF_THE_TRASH, TASK_ID, TITLE, number};
use crate::deadlines::{ERASING, PASSING};
use crate::task::{ExportQuery, Precondition, Task, TaskId};

/// How many rows one request for an export reads. DynamoDB would return a megabyte, which takes
/// ten times as much memory as SDK items.
const AT_ONCE: usize = 1000;

/// The indexes that hold only tasks with content: the living ones, and the trash.
const WITH_CONTENT: [&str; 2] = ["all_by_title", "by_deleted"];

/// What an erasure has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// How many tasks it has deleted.
    pub erased: usize,
    /// Whether tasks may remain.
    pub remaining: bool,
    /// The task after which to continue, if any.
    pub last: Option<TaskId>,
}

impl Tasks<'_> {
    /// Passes all tasks of the user to `take`, one by one in order of creation, those in the
    /// trash with their `deleted_at`, until there are no more, the limit of `query` is reached,
    /// `take` rejects a task by returning `false`, or [`PASSING`] is over. Returns the query for
    /// the remaining tasks, or `None` if there are no more.
    ///
    /// The tasks include every write that was acknowledged before. One that changes meanwhile is
    /// passed on once, as it was or as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if DynamoDB does not answer.
    pub async fn export(
        &self,
        query: &ExportQuery,
        mut take: impl FnMut(Task) -> bool,
    ) -> Result<Option<ExportQuery>, StoreError> {
        let now = self.store.clock.now();
        let (mut taken, mut last, mut reads) = (0, query.cursor, AT_ONCE);
        if let Some(limit) = query.limit {
            // One more shows whether another page follows.
            reads = reads.min(limit + 1);
        }
        loop {
            let read = [&OF_A_TASK[..], &OF_THE_TRASH[..], &[EXPIRES_AT]].concat();
            let output = self.read_whole(last, Some(reads), &read.join(", ")).await?;
            for item in output.items.unwrap_or_default() {
                if item::is_expired(&item, now)? {
                    continue;
                }
                let task = item::into_task_of(self.user.id().to_owned(), item)?;
                let id = task.id;
                if query.limit == Some(taken) || !take(task) {
                    return Ok(Some(ExportQuery { cursor: last, ..*query }));
                }
                taken += 1;
                last = Some(id);
            }
            let Some(key) = output.last_evaluated_key else { return Ok(None) };
            last = Some(item::id_of(&key)?);
            if self.began.elapsed() > PASSING {
                return Ok(Some(ExportQuery { cursor: last, ..*query }));
            }
            reads = AT_ONCE;
        }
    }

    /// Deletes the user's tasks after `after` for good, in the order of their creation, as far as
    /// it gets in [`ERASING`]. Safe to repeat, and whatever others write meanwhile.
    ///
    /// As after [`Tasks::delete_for_good`], tombstones without content stay for 30 days.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if DynamoDB fails; some of the tasks may have been deleted.
    pub async fn erase(&self, after: Option<TaskId>) -> Result<Erasure, StoreError> {
        let has_time = || self.began.elapsed() < ERASING;
        let mut done = Erasure { erased: 0, remaining: true, last: after };
        while has_time() {
            let read = [TASK_ID, EXPIRES_AT].join(", ");
            let output = self.read_whole(done.last, None, &read).await?;
            let items = output.items.unwrap_or_default();
            let mut left = items.len();
            let erasures = stream::iter(items)
                .take_while(|_| future::ready(has_time()))
                .map(async |item| self.erase_item(&item).await)
                // In order: everything before the last one is erased.
                .buffered(AT_A_TIME);
            let mut erasures = std::pin::pin!(erasures);
            while let Some(id) = erasures.next().await {
                done.last = Some(id?);
                done.erased += 1;
                left -= 1;
            }
            if left > 0 {
                break;
            }
            let Some(key) = output.last_evaluated_key else {
                // Before a position that it began at, there may be tasks of other devices.
                let remaining = after.is_some() && self.has_content().await?;
                return Ok(Erasure { remaining, last: None, ..done });
            };
            done.last = Some(item::id_of(&key)?);
        }
        Ok(done)
    }

    async fn erase_item(&self, item: &Item) -> Result<TaskId, StoreError> {
        let id = item::id_of(item)?;
        let mut erased = Err(StoreError::NotFound);
        if !item::is_expired(item, self.store.clock.now())? {
            erased = self.delete_for_good(id, &Precondition::Exists).await;
        }
        // Whether it had left the trash before, or has done so since.
        if matches!(erased, Err(StoreError::NotFound)) && item.contains_key(EXPIRES_AT) {
            erased = self.remove_expired(id).await;
        }
        match erased {
            // Somebody else was faster.
            Ok(()) | Err(StoreError::NotFound | StoreError::Deleted | StoreError::NotOwned) => {
                Ok(id)
            }
            // Either way, it is safe to repeat.
            Err(StoreError::OutcomeUnknown(cause)) => Err(StoreError::Unavailable(cause)),
            Err(error) => Err(error),
        }
    }

    /// Whether the user has tasks, as far as the indexes know.
    async fn has_content(&self) -> Result<bool, StoreError> {
        for index in WITH_CONTENT {
            let query = self.query().index_name(index).projection_expression(TASK_ID).limit(1);
            let (result, _) = repeat(self.began, || query.clone().send()).await;
            if !result?.items().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes what has left the trash, as DynamoDB would some day.
    async fn remove_expired(&self, id: TaskId) -> Result<(), StoreError> {
        let now = self.store.clock.now();
        let delete = self
            .store
            .client
            .delete_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .condition_expression(format!("{EXPIRES_AT} <= :now"))
            .expression_attribute_values(":now", number(now.unix_seconds()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (result, _) = repeat(self.began, || delete.clone().send()).await;
        let Err(error) = result else { return Ok(()) };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => Err(StoreError::NotFound),
            _ => Err(error.into()),
        }
    }

    /// Reads up to a megabyte, or `limit` rows, after the task `after`, and returns those that
    /// have content.
    async fn read_whole(
        &self,
        after: Option<TaskId>,
        limit: Option<usize>,
        read: &str,
    ) -> Result<QueryOutput, StoreError> {
        let query = self
            .query()
            .consistent_read(true)
            .filter_expression(format!("attribute_exists({TITLE})"))
            .projection_expression(read)
            .set_exclusive_start_key(after.map(|id| self.key(id)))
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        let (result, _) = repeat(self.began, || query.clone().send()).await;
        Ok(result?)
    }
}
