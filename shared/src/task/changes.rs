//! What clients may write: as sent (`…Input`), and once validated.

use serde::Deserialize;
use serde_json::Value;

use super::field::{Invalid, Rules, Sent};
use super::{Due, DueChange, Labels, Priority};

/// The body of a create request. Unknown fields are ignored, including `completed`: a new
/// task is pending.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewTaskInput {
    title: Sent,
    description: Sent,
    priority: Sent,
    due: Sent,
    due_date: Sent,
    labels: Sent,
}

/// The content of a new task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// See [`Task::title`](super::Task::title).
    pub title: String,
    /// See [`Task::description`](super::Task::description).
    pub description: Option<String>,
    /// See [`Task::priority`](super::Task::priority).
    pub priority: Option<Priority>,
    /// See [`Task::due`](super::Task::due).
    pub due: Option<Due>,
    /// See [`Task::labels`](super::Task::labels).
    pub labels: Labels,
}

impl NewTask {
    /// A task that has a title and nothing else. The title must be valid.
    pub fn titled(title: impl Into<String>) -> NewTask {
        NewTask {
            title: title.into(),
            description: None,
            priority: None,
            due: None,
            labels: Labels::default(),
        }
    }
}

impl TryFrom<NewTaskInput> for NewTask {
    type Error = Invalid;

    fn try_from(input: NewTaskInput) -> Result<NewTask, Invalid> {
        let NewTaskInput { title, description, priority, due, due_date, labels } = input;
        let mut rules = Rules::default();
        if title == Sent::Absent {
            rules.broken("title", "is required");
        }
        let new = NewTask {
            title: rules.title(title).unwrap_or_default(),
            description: Change::read(description, |it| rules.description(it)).into_new(),
            priority: Change::read(priority, |it| rules.priority(it)).into_new(),
            due: rules.due_change(due, due_date).into_new(),
            labels: rules.labels(labels).unwrap_or_default(),
        };
        rules.finish(new)
    }
}

/// The body of an update request. Unknown fields are ignored, because
/// frontends send whole tasks back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TaskChangesInput {
    title: Sent,
    description: Sent,
    priority: Sent,
    due: Sent,
    due_date: Sent,
    labels: Sent,
    completed: Sent,
}

/// Changes to a task. Whatever is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskChanges {
    /// The new title, if it changes.
    pub title: Option<String>,
    /// The change to the description.
    pub description: Change<String>,
    /// The change to the priority.
    pub priority: Change<Priority>,
    /// The change to when it is due.
    pub due: DueChange,
    /// The new labels, if they change.
    pub labels: Option<Labels>,
    /// Whether the task is done, if that changes.
    pub completed: Option<bool>,
}

impl TryFrom<TaskChangesInput> for TaskChanges {
    type Error = Invalid;

    fn try_from(input: TaskChangesInput) -> Result<TaskChanges, Invalid> {
        let TaskChangesInput { title, description, priority, due, due_date, labels, completed } =
            input;
        let mut rules = Rules::default();
        let changes = TaskChanges {
            title: rules.title(title),
            description: Change::read(description, |it| rules.description(it)),
            priority: Change::read(priority, |it| rules.priority(it)),
            due: rules.due_change(due, due_date),
            labels: rules.labels(labels),
            completed: rules.completed(completed),
        };
        rules.finish(changes)
    }
}

impl Rules {
    /// Parses `due` and `due_date`.
    fn due_change(&mut self, due: Sent, due_date: Sent) -> DueChange {
        let due = Change::read(due, |it| self.due(it));
        DueChange::of(due, Change::read(due_date, |it| self.due_date(it)))
    }
}

/// A change to an optional value of a task.
///
/// ```
/// use shared::task::{Change, DueChange, TaskChanges, TaskChangesInput};
///
/// let body = r#"{"description": null, "priority": "high"}"#;
/// let input: TaskChangesInput = serde_json::from_str(body).unwrap();
/// let changes = TaskChanges::try_from(input).unwrap();
/// assert_eq!(changes.description, Change::Clear);
/// assert_eq!(changes.due, DueChange::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Keeps the value.
    #[default]
    Keep,
    /// Removes the value.
    Clear,
    /// Sets this value.
    Set(T),
}

impl<T> Change<T> {
    /// Parses what was sent. A value that `read` rejects changes nothing.
    fn read(sent: Sent, read: impl FnOnce(Value) -> Option<T>) -> Change<T> {
        match sent {
            Sent::Absent => Change::Keep,
            Sent::Null => Change::Clear,
            Sent::Value(value) => read(value).map_or(Change::Keep, Change::Set),
        }
    }

    /// Converts the value of the change with `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => Change::Set(f(value)),
        }
    }

    /// Returns the value for a new task.
    fn into_new(self) -> Option<T> {
        match self {
            Change::Set(value) => Some(value),
            Change::Keep | Change::Clear => None,
        }
    }
}

/// The body of a toggle request, which may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToggleInput {
    completed: Sent,
}

/// What to do with a task's completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    /// Pending becomes completed, and vice versa.
    Flip,
    /// Sets this state, whatever it was before. Safe to repeat.
    Set(bool),
}

impl TryFrom<ToggleInput> for Toggle {
    type Error = Invalid;

    fn try_from(input: ToggleInput) -> Result<Toggle, Invalid> {
        let mut rules = Rules::default();
        let toggle = rules.completed(input.completed).map_or(Toggle::Flip, Toggle::Set);
        rules.finish(toggle)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create(body: Value) -> Result<NewTask, Invalid> {
        NewTask::try_from(serde_json::from_value::<NewTaskInput>(body).unwrap())
    }

    fn update(body: Value) -> Result<TaskChanges, Invalid> {
        TaskChanges::try_from(serde_json::from_value::<TaskChangesInput>(body).unwrap())
    }

    fn fields(invalid: Invalid) -> Vec<String> {
        invalid.errors.into_iter().map(|error| error.field.into_owned()).collect()
    }

    #[test]
    fn absent_null_and_a_value_differ() {
        let changes = update(json!({"description": null, "priority": "high"})).unwrap();
        assert_eq!(changes.description, Change::Clear);
        assert_eq!(changes.priority, Change::Set(Priority::High));
        assert_eq!(changes.due, DueChange::Keep);
        assert_eq!(update(json!({})).unwrap(), TaskChanges::default());
    }

    #[test]
    fn all_broken_rules_are_reported_at_once() {
        let body = json!({"title": 1, "description": 2, "priority": "urgent", "due_date": 4});
        let told = fields(create(body).unwrap_err());
        assert_eq!(told, ["title", "description", "priority", "due_date"]);
        let body = json!({"title": null, "completed": null, "priority": false});
        assert_eq!(fields(update(body).unwrap_err()), ["title", "priority", "completed"]);
    }

    #[test]
    fn lengths_are_counted_in_characters_not_bytes() {
        assert!(create(json!({"title": "é".repeat(200)})).is_ok());
        assert!(create(json!({"title": "é".repeat(201)})).is_err());
        assert!(create(json!({"title": "t", "description": "👋".repeat(1000)})).is_ok());
        assert!(create(json!({"title": "t", "description": "👋".repeat(1001)})).is_err());
    }

    #[test]
    fn a_title_is_kept_exactly_as_sent() {
        assert_eq!(create(json!({"title": "  a\u{0}b \n"})).unwrap().title, "  a\u{0}b \n");
        assert!(create(json!({"title": " \u{3000}\t"})).is_err());
    }

    #[test]
    fn a_new_task_ignores_completed_and_unknown_fields() {
        let body = json!({"title": "t", "completed": "nonsense", "id": 5, "user_id": "mallory"});
        assert_eq!(create(body).unwrap(), create(json!({"title": "t"})).unwrap());
    }

    #[test]
    fn a_toggle_without_a_value_is_a_flip() {
        let toggle = |body| Toggle::try_from(serde_json::from_value::<ToggleInput>(body).unwrap());
        assert_eq!(toggle(json!({})), Ok(Toggle::Flip));
        assert_eq!(toggle(json!({"completed": true})), Ok(Toggle::Set(true)));
        assert!(toggle(json!({"completed": null})).is_err());
        assert!(toggle(json!({"completed": 1})).is_err());
    }
}
