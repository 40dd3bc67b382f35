//! Stores tasks as an export has them.

use super::Tasks;
use super::error::StoreError;
use super::item;
use crate::task::{Revision, Task};

/// What became of a task that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is stored.
    Stored,
    /// The user has a task with its id, in a list or in the trash, which stays as it is.
    Existing,
    /// It would not be in the trash any more.
    Expired,
}

impl Tasks<'_> {
    /// Stores `task` as it is, unless the user has one with its id, and only once, however often
    /// it is sent. It becomes this user's, whatever its `user_id` says, with a revision and an
    /// `updated_at` of its own, by which other devices learn of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutcomeUnknown`] if the task may or may not have been stored.
    pub async fn import(&self, task: Task) -> Result<Imported, StoreError> {
        let now = self.store.clock.now();
        if task.deleted_at.is_some_and(|moment| item::expires_at(moment) <= now.unix_seconds()) {
            return Ok(Imported::Expired);
        }
        // Only an attempt at this import has it.
        let task = Task { revision: Revision::new(), ..task };
        let (task, existing) = self.store_anew(task, None).await?;
        Ok(match existing {
            // An earlier attempt, whose reply was lost.
            Some(item) if item::revision_of(&item)? != task.revision => Imported::Existing,
            _ => Imported::Stored,
        })
    }
}
