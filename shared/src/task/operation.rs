//! The operations of a batch.

use super::{IdempotencyKey, NewTask, Precondition, TaskChanges, TaskId};

/// The most operations in a batch.
pub const MAX_OPERATIONS: usize = 100;

/// A write of one task. There is no flip, so all of them may be repeated, except for `Add`
/// without a key. `Create` has an id of the client's; a batch has no other creates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // As the parameters of the methods of `Tasks`.
pub enum Operation {
    Add { new: NewTask, key: Option<IdempotencyKey> },
    Create { id: TaskId, new: NewTask },
    Update { id: TaskId, changes: TaskChanges, precondition: Precondition },
    SetCompleted { id: TaskId, completed: bool, precondition: Precondition },
    Delete { id: TaskId, permanent: bool, precondition: Precondition },
    Restore { id: TaskId, precondition: Precondition },
}
