//! Tasks and their rules: no HTTP, no DynamoDB.

mod changes;
mod field;
mod id;
mod list;
mod timestamp;

use serde::{Serialize, Serializer, ser::SerializeStruct};

pub use changes::{
    Change, NewTask, NewTaskInput, TaskChanges, TaskChangesInput, Toggle, ToggleInput,
};
pub use field::{FieldError, Invalid, MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS};
pub use id::{IdempotencyKey, Revision, TaskId};
pub use list::{ListQuery, ListQueryInput, MAX_LIMIT, Order, Sort, Status, Window};
pub use timestamp::Timestamp;

/// One task of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Identifies the task, and tells when it was created.
    pub id: TaskId,
    /// The owner: the `sub` of the token that created the task.
    pub user_id: String,
    /// 1 to 200 characters, exactly as they were sent.
    pub title: String,
    /// At most 1,000 characters.
    pub description: Option<String>,
    /// Whether the task is done.
    pub completed: bool,
    /// How pressing the task is.
    pub priority: Option<Priority>,
    /// When the task is due.
    pub due_date: Option<Timestamp>,
    /// When the task was last written.
    pub updated_at: Timestamp,
    /// When the task became completed; `None` while it is pending.
    pub completed_at: Option<Timestamp>,
    /// Differs after each write: the task's entity tag.
    pub revision: Revision,
}

impl Task {
    /// A new, pending task of the user `user_id`, with an id of this moment.
    #[must_use]
    pub fn new(user_id: &str, new: NewTask) -> Task {
        Task::with_id(TaskId::new(), user_id, new)
    }

    /// A new, pending task with a given id, which also says when it was
    /// created.
    #[must_use]
    pub fn with_id(id: TaskId, user_id: &str, new: NewTask) -> Task {
        let NewTask { title, description, priority, due_date } = new;
        Task {
            id,
            user_id: user_id.to_owned(),
            title,
            description,
            completed: false,
            priority,
            due_date,
            updated_at: id.created_at(),
            completed_at: None,
            revision: Revision::new(),
        }
    }
}

/// A task as a client sees it: absent optional values are `null`, never left
/// out. The revision is its `ETag`.
impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Named one by one, here and wherever a task is taken apart, so that the
        // compiler finds the places where a new member is forgotten.
        let Task {
            id,
            user_id,
            title,
            description,
            completed,
            priority,
            due_date,
            updated_at,
            completed_at,
            revision: _,
        } = self;
        let mut task = serializer.serialize_struct("Task", 10)?;
        task.serialize_field("id", id)?;
        task.serialize_field("user_id", user_id)?;
        task.serialize_field("title", title)?;
        task.serialize_field("description", description)?;
        task.serialize_field("completed", completed)?;
        task.serialize_field("priority", &priority.map(Priority::as_str))?;
        task.serialize_field("due_date", due_date)?;
        task.serialize_field("created_at", &id.created_at())?;
        task.serialize_field("updated_at", updated_at)?;
        task.serialize_field("completed_at", completed_at)?;
        task.end()
    }
}

/// How pressing a task is.
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
    /// The priority that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Priority> {
        [Priority::Low, Priority::Medium, Priority::High]
            .into_iter()
            .find(|priority| priority.as_str() == text)
    }

    /// The name of the priority.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Medium => "medium",
            Priority::High => "high",
        }
    }
}

/// What a write demands of the task that it is about to change (`If-Match` and
/// `If-None-Match`).
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
    /// That it exists.
    Exists,
    /// That it exists in one of these revisions. The list may be empty: then
    /// nothing fulfils it.
    AnyOf(Vec<Revision>),
    /// That it exists in none of these revisions.
    NoneOf(Vec<Revision>),
}

impl Precondition {
    /// Whether a task in `revision` fulfils it.
    #[must_use]
    pub fn holds_for(&self, revision: Revision) -> bool {
        match self {
            Precondition::Exists => true,
            Precondition::AnyOf(any) => any.contains(&revision),
            Precondition::NoneOf(none) => !none.contains(&revision),
        }
    }

    /// Whether a task that does not fulfil it never will: a task leaves a revision, and
    /// does not return to one.
    #[must_use]
    pub fn is_lost_for_good(&self) -> bool {
        matches!(self, Precondition::AnyOf(_))
    }
}
