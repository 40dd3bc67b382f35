//! Tasks and their rules: no HTTP, no DynamoDB.

mod changes;
mod delete;
mod due;
mod erasure;
mod export;
mod feed;
mod field;
mod filter;
mod fold;
mod id;
mod labels;
mod list;
mod operation;
mod parameters;
mod timestamp;
mod window;
mod zone;

use serde::{Serialize, Serializer, ser::SerializeStruct};

pub use changes::{
    Change, NewTask, NewTaskInput, TaskChanges, TaskChangesInput, Toggle, ToggleInput,
};
pub use delete::DeleteQuery;
pub(crate) use due::Kind as DueKind;
pub use due::{Due, DueChange};
pub use erasure::ErasureQuery;
pub use export::{ExportQuery, Format};
pub use feed::{FeedEntry, FeedQuery};
pub(crate) use field::TRUE_OR_FALSE;
pub use field::{FieldError, Invalid, MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS};
pub use filter::Filter;
pub use id::{IdempotencyKey, Revision, TaskId};
pub use labels::{Labels, MAX_LABEL_CHARS, MAX_LABELS};
pub use list::{ListQuery, Order, Sort, Status};
pub use operation::{MAX_OPERATIONS, Operation};
pub use parameters::{MAX_LIMIT, QueryInput};
pub use timestamp::Timestamp;
pub use window::Window;
#[cfg(feature = "export")]
pub(crate) use zone::Observance;
pub use zone::TimeZone;

/// One task of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Identifies the task and encodes when it was created.
    pub id: TaskId,
    /// The owner: the `sub` of the token that created the task.
    pub user_id: String,
    /// 1 to 200 characters, exactly as sent.
    pub title: String,
    /// At most 1,000 characters.
    pub description: Option<String>,
    /// Whether the task is done.
    pub completed: bool,
    /// How urgent the task is.
    pub priority: Option<Priority>,
    /// When the task is due.
    pub due: Option<Due>,
    /// What groups the task with others.
    pub labels: Labels,
    /// When the task was last written.
    pub updated_at: Timestamp,
    /// When the task was completed; `None` while it is pending.
    pub completed_at: Option<Timestamp>,
    /// When the task was deleted, if it is in the trash.
    pub deleted_at: Option<Timestamp>,
    /// Changes with each write. The task's entity tag.
    pub revision: Revision,
}

impl Task {
    /// Returns the moment that the task is sorted by among those that are due.
    #[must_use]
    pub fn due_date(&self) -> Option<Timestamp> {
        self.due.as_ref().map(Due::instant)
    }

    /// Returns a new, pending task with the given id, which encodes when it was created.
    #[must_use]
    pub fn with_id(id: TaskId, user_id: &str, new: NewTask) -> Task {
        let NewTask { title, description, priority, due, labels } = new;
        Task {
            id,
            user_id: user_id.to_owned(),
            title,
            description,
            completed: false,
            priority,
            due,
            labels,
            updated_at: id.created_at(),
            completed_at: None,
            deleted_at: None,
            revision: Revision::new(),
        }
    }
}

/// A task as a client sees it. Absent values are `null` or `[]`, and not left out, except for
/// `due`, and for `deleted_at` of a living task. The revision is in the `ETag` instead.
impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // All members are named, here and wherever a task is destructured, so the
        // compiler finds each place that forgets a new one.
        let Task {
            id,
            user_id,
            title,
            description,
            completed,
            priority,
            due,
            labels,
            updated_at,
            completed_at,
            deleted_at,
            revision: _,
        } = self;
        let mut task = serializer.serialize_struct("Task", 13)?;
        task.serialize_field("id", id)?;
        task.serialize_field("user_id", user_id)?;
        task.serialize_field("title", title)?;
        task.serialize_field("description", description)?;
        task.serialize_field("completed", completed)?;
        task.serialize_field("priority", &priority.map(Priority::as_str))?;
        task.serialize_field("due_date", &self.due_date())?;
        // So that `"due": null` in a task that is sent back is always a change.
        match due {
            Some(due) => task.serialize_field("due", due)?,
            None => task.skip_field("due")?,
        }
        task.serialize_field("labels", labels)?;
        task.serialize_field("created_at", &id.created_at())?;
        task.serialize_field("updated_at", updated_at)?;
        task.serialize_field("completed_at", completed_at)?;
        match deleted_at {
            Some(_) => task.serialize_field("deleted_at", deleted_at)?,
            None => task.skip_field("deleted_at")?,
        }
        task.end()
    }
}

/// How urgent a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
}

impl Priority {
    /// Returns the priority that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Priority> {
        [Priority::Low, Priority::Medium, Priority::High]
            .into_iter()
            .find(|priority| priority.as_str() == text)
    }

    /// Returns the name of the priority.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Medium => "medium",
            Priority::High => "high",
        }
    }
}

/// What a write requires of the task that it changes (`If-Match` and `If-None-Match`).
///
/// ```
/// use shared::task::{Precondition, Revision};
///
/// let (seen, current) = (Revision::new(), Revision::new());
/// assert!(!Precondition::AnyOf(vec![seen]).holds_for(current));
/// assert!(Precondition::NoneOf(vec![seen]).holds_for(current));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The task exists.
    Exists,
    /// There is no such task. Only a create can fulfil it.
    Absent,
    /// The task exists in one of these revisions. No task fulfils an empty list.
    AnyOf(Vec<Revision>),
    /// The task exists, and in none of these revisions.
    NoneOf(Vec<Revision>),
}

impl Precondition {
    /// Whether a task in `revision` fulfils the precondition.
    #[must_use]
    pub fn holds_for(&self, revision: Revision) -> bool {
        match self {
            Precondition::Exists => true,
            Precondition::Absent => false,
            Precondition::AnyOf(any) => any.contains(&revision),
            Precondition::NoneOf(none) => !none.contains(&revision),
        }
    }

    /// Whether a task that does not fulfil the precondition now never will, because a
    /// task never returns to an earlier revision.
    #[must_use]
    pub fn is_lost_for_good(&self) -> bool {
        matches!(self, Precondition::AnyOf(_) | Precondition::Absent)
    }
}
