//! Batches: many writes in one request.

use futures_util::StreamExt;
use futures_util::stream;

use super::Tasks;
use super::create::Created;
use super::error::StoreError;
use crate::deadlines::{BATCH, LAST_START};
use crate::task::{Operation, Task, TaskId, Toggle};

/// How many operations of a batch are under way at a time. Each needs a connection. Half as
/// many take nearly twice the time, twice as many hardly less (docs/performance.md).
pub(super) const AT_A_TIME: usize = 8;

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It created a task.
    Created(Created),
    /// It changed or restored this task.
    Written(Task),
    /// It deleted a task.
    Deleted,
}

impl Tasks<'_> {
    /// Carries out `operations`, some at a time and in no particular order, and returns
    /// their outcomes in the order of the operations. Each does what its own method does;
    /// one that is an error already stays this error.
    ///
    /// All share the time of one request: those that cannot begin in time are
    /// [`StoreError::NotBegun`], and those that do not end in time,
    /// [`StoreError::OutcomeUnknown`], even if they were only reading.
    pub async fn carry_out<E: From<StoreError>>(
        &self,
        operations: Vec<Result<Operation, E>>,
    ) -> Vec<Result<Outcome, E>> {
        let operations = operations.into_iter().enumerate().map(async |(index, operation)| {
            let outcome = async { Ok(self.carry_out_in_time(operation?).await?) };
            (index, outcome.await)
        });
        // In the order in which they end: none waits for a slow one.
        in_order(stream::iter(operations).buffer_unordered(AT_A_TIME).collect().await)
    }

    /// Returns the tasks `ids`, each as [`Tasks::get`] does, in the order of the ids. All share
    /// the time of one request, as in [`Tasks::carry_out`].
    pub async fn get_each(&self, ids: Vec<TaskId>) -> Vec<Result<Task, StoreError>> {
        let late = || Err(StoreError::Unavailable("the task was not read in time".into()));
        let reads = ids.into_iter().enumerate().map(async |(index, id)| {
            let spent = self.began.elapsed();
            if spent >= LAST_START {
                return (index, late());
            }
            let task = tokio::time::timeout(BATCH.saturating_sub(spent), self.get(id)).await;
            (index, task.unwrap_or_else(|_| late()))
        });
        in_order(stream::iter(reads).buffer_unordered(AT_A_TIME).collect().await)
    }

    async fn carry_out_in_time(&self, operation: Operation) -> Result<Outcome, StoreError> {
        let spent = self.began.elapsed();
        if spent >= LAST_START {
            return Err(StoreError::NotBegun);
        }
        // Boxed, as in `attempts.rs`.
        let outcome = Box::pin(self.carry_out_one(operation));
        let outcome = tokio::time::timeout(BATCH.saturating_sub(spent), outcome).await;
        outcome.unwrap_or_else(|_| {
            Err(StoreError::OutcomeUnknown("the operation did not end in time".into()))
        })
    }

    async fn carry_out_one(&self, operation: Operation) -> Result<Outcome, StoreError> {
        Ok(match operation {
            Operation::Add { new, key } => Outcome::Created(self.create(new, key.as_ref()).await?),
            Operation::Create { id, new } => Outcome::Created(self.create_at(id, new).await?),
            Operation::Update { id, changes, precondition } => {
                Outcome::Written(self.update(id, changes, &precondition).await?)
            }
            Operation::SetCompleted { id, completed, precondition } => {
                Outcome::Written(self.toggle(id, Toggle::Set(completed), &precondition).await?)
            }
            Operation::Delete { id, permanent: false, precondition } => {
                self.delete(id, &precondition).await?;
                Outcome::Deleted
            }
            Operation::Delete { id, permanent: true, precondition } => {
                self.delete_for_good(id, &precondition).await?;
                Outcome::Deleted
            }
            Operation::Restore { id, precondition } => {
                Outcome::Written(self.restore(id, &precondition).await?)
            }
        })
    }
}

fn in_order<T>(mut outputs: Vec<(usize, T)>) -> Vec<T> {
    outputs.sort_by_key(|(index, _)| *index);
    outputs.into_iter().map(|(_, output)| output).collect()
}
