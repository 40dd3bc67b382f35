//! The attributes of items.

use std::time::Duration;

// `docs/data-model.md` describes each.
pub(in crate::store) const USER_ID: &str = "user_id";
pub(in crate::store) const TASK_ID: &str = "task_id";
pub(in crate::store) const COMPLETED: &str = "completed";
pub(in crate::store) const TITLE_KEY: &str = "title_key";
pub(in crate::store) const DUE_KEY: &str = "due_key";
pub(in crate::store) const TITLE: &str = "title";
pub(in crate::store) const DESCRIPTION: &str = "description";
pub(in crate::store) const PRIORITY: &str = "priority";
pub(in crate::store) const LABELS: &str = "labels";
/// What the moment in `due_key` means, if it is more than a moment; see `due.rs`.
pub(in crate::store) const DUE: &str = "due";
/// In `due`, the moment that a time in a zone was computed for.
pub(in crate::store) const AT: &str = "at";
pub(in crate::store) const UPDATED_AT: &str = "updated_at";
pub(in crate::store) const REVISION: &str = "revision";
/// When a write of `completed` found the task pending and completed it.
pub(in crate::store) const COMPLETED_AT: &str = "completed_at";
/// When the last flip happened.
pub(in crate::store) const FLIPPED_AT: &str = "flipped_at";
/// What `completed` was before the last flip.
pub(in crate::store) const FLIPPED_FROM: &str = "flipped_from";

/// The epoch of the last update, and the ids of the updates of the last epochs; see
/// `once.rs`.
pub(in crate::store) const EPOCH: &str = "epoch";
pub(in crate::store) const DONE: [&str; 3] = ["done_0", "done_1", "done_2"];

/// A hash of the fields that a task at an id of the client's was created with.
pub(in crate::store) const MADE_FROM: &str = "made_from";
/// What the due date among them meant.
pub(in crate::store) const MADE_DUE: &str = "made_due";

/// When the task was deleted. Only tasks in the trash have it, and the attributes below.
pub(in crate::store) const DELETED_AT: &str = "deleted_at";
/// When DynamoDB may remove the task from the trash, in seconds since 1970: the table's
/// TTL attribute.
pub(in crate::store) const EXPIRES_AT: &str = "expires_at";

const WAS_COMPLETED: &str = "was_completed";
pub(in crate::store) const WAS_TITLE_KEY: &str = "was_title_key";
const WAS_DUE_KEY: &str = "was_due_key";

/// The keys of the lists of living tasks, and where a task in the trash keeps them:
/// without them, it is in none of these lists.
pub(in crate::store) const BURIED: [(&str, &str); 3] =
    [(COMPLETED, WAS_COMPLETED), (TITLE_KEY, WAS_TITLE_KEY), (DUE_KEY, WAS_DUE_KEY)];

/// How long a task stays in the trash, and a tombstone in the table.
pub(in crate::store) const TRASH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What deleting a task for good removes: everything but its key, what updates are
/// conditional on, and its time. The tombstone that is left tells other devices of it.
pub(in crate::store) const CONTENT: [&str; 19] = [
    COMPLETED,
    TITLE,
    TITLE_KEY,
    DUE_KEY,
    DESCRIPTION,
    PRIORITY,
    LABELS,
    DUE,
    COMPLETED_AT,
    FLIPPED_AT,
    FLIPPED_FROM,
    MADE_FROM,
    MADE_DUE,
    DELETED_AT,
    WAS_COMPLETED,
    WAS_TITLE_KEY,
    WAS_DUE_KEY,
    // Only in items of earlier versions.
    "title_changed",
    "due_changed",
];

/// The attributes that [`into_task_of`] reads. None of the names is reserved in
/// expressions.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>
pub(in crate::store) const OF_A_TASK: [&str; 13] = [
    TASK_ID,
    COMPLETED,
    TITLE,
    DUE_KEY,
    UPDATED_AT,
    REVISION,
    DESCRIPTION,
    PRIORITY,
    LABELS,
    DUE,
    COMPLETED_AT,
    FLIPPED_AT,
    FLIPPED_FROM,
];

/// What it reads in addition of a task in the trash.
pub(in crate::store) const OF_THE_TRASH: [&str; 3] = [DELETED_AT, WAS_COMPLETED, WAS_DUE_KEY];

/// The due key of a task without a due date. It sorts after every date, because dates
/// begin with a digit.
pub(in crate::store) const UNDATED: &str = "~";
