//! The operations of a batch.

use super::{NewTask, Precondition, TaskChanges, TaskId};

/// The most operations in a batch.
pub const MAX_OPERATIONS: usize = 100;

/// A write of one task that may be repeated. So there is no flip, and a task is created at
/// an id of the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // As the parameters of the methods of `Tasks`.
pub enum Operation {
    Create { id: TaskId, new: NewTask },
    Update { id: TaskId, changes: TaskChanges, precondition: Precondition },
    SetCompleted { id: TaskId, completed: bool, precondition: Precondition },
    Delete { id: TaskId, permanent: bool, precondition: Precondition },
    Restore { id: TaskId, precondition: Precondition },
}
