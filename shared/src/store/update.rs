//! Builds the `UpdateItem` for a task.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{
    self, COMPLETED, COMPLETED_AT, DESCRIPTION, DUE_KEY, EPOCH, FLIPPED_AT, FLIPPED_FROM, Item,
    PRIORITY, REVISION, TITLE, TITLE_KEY, UPDATED_AT, bytes, flag, string,
};
use super::once::Once;
use super::title_key;
use crate::task::{Change, Precondition, Revision, TaskChanges, TaskId, Timestamp};

/// What an update does to a task.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// Sets the named fields.
    Set(TaskChanges),
    /// Inverts completion without reading it, so that concurrent flips all count.
    Flip,
}

/// The parts of an `UpdateItem`. All of them see the item as it was before the update.
pub(super) struct Update {
    condition: String,
    set: Vec<String>,
    remove: Vec<&'static str>,
    add: String,
    values: Item,
    sent_at: Timestamp,
    /// Whether the item keeps the time of its last write.
    keeps_time: bool,
}

impl Update {
    /// Builds one attempt at `edit` of a task that fulfils `precondition`; `once` limits
    /// it to one execution.
    ///
    /// Every attempt has its own revision. The time of a task never goes back: an item
    /// that is ahead of this attempt keeps its time.
    pub(super) fn attempt(
        id: TaskId,
        edit: &Edit,
        once: &Once,
        precondition: &Precondition,
    ) -> Update {
        let (condition, values) = condition(precondition);
        let mut update = Update {
            condition,
            set: Vec::new(),
            remove: vec![once.forgotten()],
            add: String::new(),
            values,
            sent_at: Timestamp::now().max(id.created_at()),
            keeps_time: once.was_early(),
        };
        update.once(once);
        if !update.keeps_time {
            let now = update.now();
            update.condition.push_str(&format!(" AND {UPDATED_AT} <= {now}"));
            update.set.push(format!("{UPDATED_AT} = {now}"));
        }
        update.set(REVISION, string(Revision::new().to_string()));
        match edit {
            Edit::Set(changes) => update.changes(changes.clone()),
            Edit::Flip => update.flip(),
        }
        update
    }

    /// Returns the time of this attempt.
    pub(super) fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    fn once(&mut self, once: &Once) {
        let (condition, values) = once.condition();
        self.condition.push_str(&format!(" AND {condition}"));
        self.values.extend(values.map(|(name, value)| (name.to_owned(), value)));
        self.set.push(format!("{EPOCH} = :epoch"));
        let (done, ids) = once.addition();
        self.add = format!("{done} :ids");
        self.values.insert(":ids".to_owned(), ids);
    }

    fn changes(&mut self, changes: TaskChanges) {
        let TaskChanges { title, description, priority, due_date, completed } = changes;
        if let Some(title) = title {
            self.set(TITLE_KEY, bytes(title_key(&title)));
            self.set(TITLE, string(title));
        }
        self.change(DESCRIPTION, description);
        self.change(PRIORITY, priority.map(|priority| priority.as_str().to_owned()));
        let due_date = match due_date {
            Change::Keep => None,
            Change::Clear => Some(None),
            Change::Set(date) => Some(Some(date)),
        };
        if let Some(due_date) = due_date {
            self.set(DUE_KEY, string(item::due_key(due_date)));
        }
        if let Some(completed) = completed {
            self.set_completed(completed);
        }
    }

    /// Sets completion. A task that is already completed keeps its completion time.
    fn set_completed(&mut self, completed: bool) {
        self.set(COMPLETED, flag(completed));
        if completed {
            let now = self.now();
            self.set.push(format!("{COMPLETED_AT} = if_not_exists({COMPLETED_AT}, {now})"));
        } else {
            self.remove.extend([COMPLETED_AT, FLIPPED_AT, FLIPPED_FROM]);
        }
    }

    fn flip(&mut self) {
        self.values.insert(":one".to_owned(), flag(true));
        let now = self.now();
        self.set.extend([
            format!("{COMPLETED} = :one - {COMPLETED}"),
            format!("{FLIPPED_FROM} = {COMPLETED}"),
            format!("{FLIPPED_AT} = {now}"),
        ]);
        self.remove.push(COMPLETED_AT);
    }

    /// Returns the time of the write, as an operand: the placeholder of a value, or the
    /// item's own time if it keeps that. DynamoDB rejects values that no expression uses,
    /// so the value is only added on first use.
    fn now(&mut self) -> &'static str {
        if self.keeps_time {
            return UPDATED_AT;
        }
        self.values.entry(":now".to_owned()).or_insert_with(|| string(self.sent_at.to_string()));
        ":now"
    }

    fn set(&mut self, attribute: &'static str, value: AttributeValue) {
        self.set.push(format!("{attribute} = :{attribute}"));
        self.values.insert(format!(":{attribute}"), value);
    }

    fn change(&mut self, attribute: &'static str, change: Change<String>) {
        match change {
            Change::Keep => {}
            Change::Clear => self.remove.push(attribute),
            Change::Set(value) => self.set(attribute, string(value)),
        }
    }

    /// Returns the `UpdateExpression`, the `ConditionExpression`, and the values in both.
    pub(super) fn into_parts(self) -> (String, String, Item) {
        let Update { condition, set, remove, add, values, sent_at: _, keeps_time: _ } = self;
        let (set, remove) = (set.join(", "), remove.join(", "));
        (format!("SET {set} REMOVE {remove} ADD {add}"), condition, values)
    }
}

/// Returns the condition that a task exists and fulfils `precondition`, and its values.
pub(super) fn condition(precondition: &Precondition) -> (String, Item) {
    let exists = "attribute_exists(task_id)";
    let (operator, revisions) = match precondition {
        Precondition::AnyOf(any) if any.is_empty() => {
            // Every task has a revision.
            return (format!("{exists} AND attribute_not_exists({REVISION})"), Item::new());
        }
        Precondition::AnyOf(any) => ("", any.as_slice()),
        Precondition::NoneOf(none) => ("NOT ", none.as_slice()),
        Precondition::Exists => ("", [].as_slice()),
    };
    if revisions.is_empty() {
        return (exists.to_owned(), Item::new());
    }
    let mut values = Item::new();
    let mut names = Vec::with_capacity(revisions.len());
    for (index, revision) in revisions.iter().enumerate() {
        let name = format!(":expected{index}");
        values.insert(name.clone(), string(revision.to_string()));
        names.push(name);
    }
    let names = names.join(", ");
    (format!("{exists} AND {operator}{REVISION} IN ({names})"), values)
}
