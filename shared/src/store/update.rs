//! Builds the `UpdateItem` for a task.

use aws_sdk_dynamodb::types::AttributeValue;

use super::error::BadItem;
use super::item::{
    self, BURIED, COMPLETED, COMPLETED_AT, CONTENT, DELETED_AT, DESCRIPTION, DUE, DUE_KEY, EPOCH,
    EXPIRES_AT, FLIPPED_AT, FLIPPED_FROM, Item, LABELS, PRIORITY, REVISION, TITLE, TITLE_KEY,
    UPDATED_AT, bytes, flag, number, string,
};
use super::once::Once;
use super::title_key;
use crate::task::{Change, Due, DueChange, Precondition, Revision, TaskChanges, TaskId, Timestamp};

/// What an update does to a task.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// Sets the named fields.
    Set(TaskChanges),
    /// Inverts completion without reading it, so that concurrent flips all count.
    Flip,
    /// Moves the task to the trash.
    Delete,
    /// Takes the task out of the trash.
    Restore,
    /// Deletes the task for good and leaves a tombstone.
    Erase,
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
    /// Builds an attempt, sent `now`, at `edit` of a task that fulfils `precondition`;
    /// `once` limits it to one execution.
    ///
    /// Every attempt has its own revision. The time of a task never goes back: an item
    /// that is ahead of this attempt keeps its time.
    pub(super) fn attempt(
        id: TaskId,
        edit: &Edit,
        once: &Once,
        precondition: &Precondition,
        now: Timestamp,
    ) -> Update {
        let (condition, values) = condition(edit.exists(), precondition);
        let mut update = Update {
            condition,
            set: Vec::new(),
            remove: vec![once.forgotten()],
            add: String::new(),
            values,
            sent_at: now.max(id.created_at()),
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
            Edit::Delete => update.delete(),
            Edit::Restore => update.restore(),
            Edit::Erase => update.erase(),
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
        let TaskChanges { title, description, priority, due, labels, completed } = changes;
        if let Some(title) = title {
            self.set(TITLE_KEY, bytes(title_key(&title)));
            self.set(TITLE, string(title));
        }
        self.change(DESCRIPTION, description);
        self.change(PRIORITY, priority.map(|priority| priority.as_str().to_owned()));
        self.change_due(due);
        match labels {
            None => {}
            Some(labels) if labels.is_empty() => self.remove.push(LABELS),
            Some(labels) => self.set(LABELS, item::strings(&labels)),
        }
        if let Some(completed) = completed {
            self.set_completed(completed);
        }
    }

    fn change_due(&mut self, change: DueChange) {
        let due = match change {
            DueChange::Keep => return,
            DueChange::Move(instant) => {
                return self.set(DUE_KEY, string(item::due_key(Some(instant))));
            }
            DueChange::Clear => None,
            DueChange::Set(due) => Some(due),
        };
        self.set(DUE_KEY, string(item::due_key(due.as_ref().map(Due::instant))));
        match due.as_ref().and_then(item::due_attribute) {
            Some(attribute) => self.set(DUE, attribute),
            None => self.remove.push(DUE),
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

    fn delete(&mut self) {
        for (key, buried) in BURIED {
            self.set.push(format!("{buried} = {key}"));
            self.remove.push(key);
        }
        let now = self.now();
        self.set.push(format!("{DELETED_AT} = {now}"));
        self.set(EXPIRES_AT, number(item::expires_at(self.sent_at)));
    }

    fn restore(&mut self) {
        for (key, buried) in BURIED {
            self.set.push(format!("{key} = {buried}"));
            self.remove.push(buried);
        }
        self.remove.extend([DELETED_AT, EXPIRES_AT]);
        self.condition.push_str(&format!(" AND {EXPIRES_AT} > :unix"));
        self.values.insert(":unix".to_owned(), number(self.sent_at.unix_seconds()));
    }

    fn erase(&mut self) {
        self.remove.extend(CONTENT);
        self.set(EXPIRES_AT, number(item::expires_at(self.sent_at)));
        let in_time = format!(" AND (attribute_not_exists({EXPIRES_AT}) OR {EXPIRES_AT} > :unix)");
        self.condition.push_str(&in_time);
        self.values.insert(":unix".to_owned(), number(self.sent_at.unix_seconds()));
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

impl Edit {
    /// Returns the attribute that the tasks have which it can change.
    fn exists(&self) -> &'static str {
        match self {
            Edit::Set(_) | Edit::Flip | Edit::Delete => COMPLETED,
            Edit::Restore => DELETED_AT,
            // In the lists or in the trash.
            Edit::Erase => TITLE,
        }
    }

    /// Whether there is no task for it in an item that rejected it at `moment`: a task in
    /// the trash can only be restored or deleted for good, and only for 30 days.
    pub(super) fn lacks(&self, item: &Item, moment: Timestamp) -> Result<bool, BadItem> {
        match self {
            Edit::Restore | Edit::Erase => {
                Ok(item::is_tombstone(item) || item::is_expired(item, moment)?)
            }
            Edit::Set(_) | Edit::Flip | Edit::Delete => Ok(!item::is_living(item)),
        }
    }

    /// Whether it has nothing to change in the item: it is a restore of a living task.
    pub(super) fn is_done_in(&self, item: &Item) -> bool {
        matches!(self, Edit::Restore) && item::is_living(item)
    }
}

/// Returns the condition that there is an item with this `attribute` that fulfils
/// `precondition`, and its values.
pub(super) fn condition(attribute: &str, precondition: &Precondition) -> (String, Item) {
    let exists = format!("attribute_exists({attribute})");
    // Every task has a revision.
    let never = || (format!("{exists} AND attribute_not_exists({REVISION})"), Item::new());
    let (operator, revisions) = match precondition {
        Precondition::Absent => return never(),
        Precondition::AnyOf(any) if any.is_empty() => return never(),
        Precondition::AnyOf(any) => ("", any.as_slice()),
        Precondition::NoneOf(none) => ("NOT ", none.as_slice()),
        Precondition::Exists => ("", [].as_slice()),
    };
    if revisions.is_empty() {
        return (exists, Item::new());
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
