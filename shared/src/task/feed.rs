//! The feed of changes: what its query asks for, and what it contains.

use super::field::Invalid;
use super::parameters::{MAX_LIMIT, Parameters, QueryInput};
use super::{Task, TaskId, Timestamp};

/// A valid query for changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedQuery {
    /// The token from the previous reply; `None` for all living tasks. The store defines
    /// its form.
    pub since: Option<String>,
    /// At most this many changes, 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

impl Default for FeedQuery {
    fn default() -> FeedQuery {
        FeedQuery { since: None, limit: MAX_LIMIT }
    }
}

impl TryFrom<QueryInput> for FeedQuery {
    type Error = Invalid;

    fn try_from(input: QueryInput) -> Result<FeedQuery, Invalid> {
        let mut read = Parameters::from(input);
        let limit = read.limit().unwrap_or(MAX_LIMIT);
        let since = read.take("since");
        read.rules.finish(FeedQuery { since, limit })
    }
}

/// One change: a task as it is now, or that it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEntry {
    /// A task that was created, changed or restored.
    Task(Task),
    /// A task that was deleted, to the trash or for good.
    #[allow(missing_docs)]
    Deletion { id: TaskId, deleted_at: Timestamp },
}

impl FeedEntry {
    /// Returns the id of the task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        match self {
            FeedEntry::Task(task) => task.id,
            FeedEntry::Deletion { id, .. } => *id,
        }
    }
}
