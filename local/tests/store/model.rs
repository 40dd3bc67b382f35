//! A plain model of the store.

use std::cmp::Ordering;
use std::collections::HashMap;

use icu_collator::CollatorBorrowed;
use icu_collator::options::CollatorOptions;
use proptest::sample::Index;
use shared::store::{StoreError, Tasks};
use shared::task::{
    Change, Due, DueChange, ListQuery, NewTask, Order, Precondition, Sort, Status, Task,
    TaskChanges, TaskId, Toggle,
};

use crate::strategies::Operation;
use crate::{page, trash, windows};

/// The tasks that the store should hold, those in its trash, and the last one that was
/// deleted for good.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) tasks: Vec<Task>,
    trash: Vec<Task>,
    /// What the due date of each task meant when it was last more than a moment, and not
    /// cleared since.
    meant: HashMap<TaskId, Due>,
    gone: Option<TaskId>,
}

impl Model {
    /// Stores these tasks, of which some are completed, and those with a zero deleted.
    pub(crate) async fn of(store: &Tasks<'_>, tasks: Vec<(NewTask, bool, u8)>) -> Model {
        let mut model = Model::default();
        for (new, completed, deleted) in tasks {
            model.run(store, Operation::Create(new)).await;
            let last = model.tasks.len() - 1;
            if completed {
                model.toggle(store, last, Toggle::Flip).await;
            }
            if deleted == 0 {
                model.delete(store, last).await;
            }
        }
        model
    }

    /// Applies `operation` to the store and to the model, and compares the results.
    pub(crate) async fn run(&mut self, store: &Tasks<'_>, operation: Operation) {
        match operation {
            Operation::Create(new) => {
                let task = store.create(new.clone(), None).await.unwrap().task;
                assert_eq!(task.updated_at, task.id.created_at());
                let bare =
                    Task { revision: task.revision, ..Task::with_id(task.id, &task.user_id, new) };
                assert_eq!(task, bare);
                self.note_due(&task);
                self.tasks.push(task);
            }
            Operation::Update(at, changes) => {
                let Some(at) = self.at(at) else { return };
                self.update(store, at, changes).await;
            }
            Operation::Toggle(at, toggle) => {
                let Some(at) = self.at(at) else { return };
                self.toggle(store, at, toggle).await;
            }
            Operation::Delete(at) => {
                let Some(at) = self.at(at) else { return };
                self.delete(store, at).await;
            }
            Operation::DeleteForGood(at) => {
                let all = self.tasks.len() + self.trash.len();
                if all == 0 {
                    return;
                }
                let at = at.index(all);
                let task = match at.checked_sub(self.tasks.len()) {
                    None => self.tasks.remove(at),
                    Some(at) => self.trash.remove(at),
                };
                store.delete_for_good(task.id, &Precondition::Exists).await.unwrap();
                self.gone = Some(task.id);
            }
            Operation::Restore(at) => self.restore(store, at).await,
        }
        if let Some(task) = self.trash.last() {
            check_not_found(store, task.id, true).await;
        }
        if let Some(id) = self.gone {
            check_not_found(store, id, false).await;
        }
        if let Some(id) = self.gone {
            let exists = &Precondition::Exists;
            let restored = store.restore(id, exists).await;
            assert!(matches!(restored, Err(StoreError::NotFound)), "{restored:?}");
            let deleted = store.delete_for_good(id, exists).await;
            assert!(matches!(deleted, Err(StoreError::NotFound)), "{deleted:?}");
        }
    }

    async fn update(&mut self, store: &Tasks<'_>, at: usize, changes: TaskChanges) {
        let before = self.tasks[at].clone();
        let answer = store.update(before.id, changes.clone(), &Precondition::Exists).await;
        let expected = self.changed(before, changes);
        self.wrote(at, answer.unwrap(), expected);
    }

    /// Deletes a task, which must then be in the trash as it was.
    pub(crate) async fn delete(&mut self, store: &Tasks<'_>, at: usize) {
        let before = self.tasks.remove(at);
        store.delete(before.id, &Precondition::Exists).await.unwrap();
        let (trash, _) = page(store, &trash(Order::Desc)).await;
        let deleted = trash.into_iter().find(|task| task.id == before.id).unwrap();
        let Task { updated_at, deleted_at, revision, .. } = deleted;
        assert_ne!(revision, before.revision);
        assert_eq!(deleted_at, Some(updated_at));
        assert!(updated_at >= before.updated_at);
        assert_eq!(deleted, Task { updated_at, deleted_at, revision, ..before });
        self.trash.push(deleted);
    }

    /// Restores a task, which must be as it was.
    async fn restore(&mut self, store: &Tasks<'_>, at: Index) {
        if self.trash.is_empty() {
            let Some(at) = self.at(at) else { return };
            let task = &self.tasks[at];
            let answer = store.restore(task.id, &Precondition::Exists).await.unwrap();
            assert_eq!(answer, *task, "it is not in the trash");
            return;
        }
        let before = self.trash.remove(at.index(self.trash.len()));
        let answer = store.restore(before.id, &Precondition::Exists).await.unwrap();
        let Task { updated_at, revision, .. } = answer;
        assert_ne!(revision, before.revision);
        assert!(updated_at >= before.updated_at);
        assert_eq!(answer, Task { updated_at, revision, deleted_at: None, ..before });
        self.tasks.push(answer);
    }

    pub(crate) async fn toggle(&mut self, store: &Tasks<'_>, at: usize, toggle: Toggle) {
        let before = self.tasks[at].clone();
        let completed = match toggle {
            Toggle::Flip => !before.completed,
            Toggle::Set(completed) => completed,
        };
        let answer = store.toggle(before.id, toggle, &Precondition::Exists).await;
        let changes = TaskChanges { completed: Some(completed), ..TaskChanges::default() };
        let expected = self.changed(before, changes);
        self.wrote(at, answer.unwrap(), expected);
    }

    /// Applies `changes` to `task`, but does not set the revision and the times.
    fn changed(&mut self, mut task: Task, changes: TaskChanges) -> Task {
        fn apply<T>(value: &mut Option<T>, change: Change<T>) {
            match change {
                Change::Keep => {}
                Change::Clear => *value = None,
                Change::Set(new) => *value = Some(new),
            }
        }
        let TaskChanges { title, description, priority, due, labels, completed } = changes;
        match due {
            DueChange::Keep => {}
            DueChange::Clear => {
                task.due = None;
                self.meant.remove(&task.id);
            }
            DueChange::Set(due) => {
                task.due = Some(due);
                self.note_due(&task);
            }
            DueChange::Move(instant) => {
                let meant = self.meant.get(&task.id).filter(|due| due.instant() == instant);
                task.due = Some(meant.cloned().unwrap_or(instant.into()));
            }
        }
        task.title = title.unwrap_or(task.title);
        apply(&mut task.description, description);
        apply(&mut task.priority, priority);
        task.labels = labels.unwrap_or(task.labels);
        task.completed = completed.unwrap_or(task.completed);
        if !task.completed {
            task.completed_at = None;
        }
        task
    }

    fn note_due(&mut self, task: &Task) {
        match &task.due {
            Some(due) if *due != Due::from(due.instant()) => {
                self.meant.insert(task.id, due.clone());
            }
            _ => {
                self.meant.remove(&task.id);
            }
        }
    }

    fn at(&self, index: Index) -> Option<usize> {
        (!self.tasks.is_empty()).then(|| index.index(self.tasks.len()))
    }

    /// Checks that a write returns the expected task, with a new revision and a new time,
    /// and updates the model.
    fn wrote(&mut self, at: usize, answer: Task, mut expected: Task) {
        let before = &self.tasks[at];
        if expected == *before && answer.revision == before.revision {
            // The changes were empty, so nothing was written.
            assert_eq!(answer, *before);
            return;
        }
        assert_ne!(answer.revision, before.revision);
        assert!(answer.updated_at >= before.updated_at);
        expected.revision = answer.revision;
        expected.updated_at = answer.updated_at;
        if expected.completed && !before.completed {
            expected.completed_at = Some(answer.updated_at);
        }
        assert_eq!(answer, expected);
        self.tasks[at] = answer;
    }

    /// The task ids of the whole list that `query` describes.
    pub(crate) fn list(&self, query: &ListQuery) -> Vec<Task> {
        let collator = CollatorBorrowed::new_root(CollatorOptions::default());
        let all = if query.status == Status::Deleted { &self.trash } else { &self.tasks };
        let mut tasks: Vec<&Task> = all.iter().filter(|task| fits(task, query)).collect();
        tasks.sort_by(|a, b| {
            let key = match query.sort {
                Sort::Created => Ordering::Equal,
                Sort::Title => collator.compare(a.title.trim(), b.title.trim()),
                Sort::DueDate => a.due_date().cmp(&b.due_date()),
                Sort::Deleted => a.deleted_at.cmp(&b.deleted_at),
            };
            let directed = match query.order {
                Order::Asc => key.then(a.id.cmp(&b.id)),
                Order::Desc => key.then(a.id.cmp(&b.id)).reverse(),
            };
            let undated = a.due.is_none().cmp(&b.due.is_none());
            if query.sort == Sort::DueDate { undated.then(directed) } else { directed }
        });
        tasks.into_iter().cloned().collect()
    }
}

/// Checks that the task does not exist, for whoever does not look into the trash.
async fn check_not_found(store: &Tasks<'_>, id: TaskId, is_in_trash: bool) {
    let exists = &Precondition::Exists;
    let set = Toggle::Set(true);
    let changes = TaskChanges { title: Some("T".to_owned()), ..TaskChanges::default() };
    for result in [
        store.get(id).await.map(|_| ()),
        store.update(id, changes, exists).await.map(|_| ()),
        store.update(id, TaskChanges::default(), exists).await.map(|_| ()),
        store.toggle(id, Toggle::Flip, exists).await.map(|_| ()),
        store.toggle(id, set, exists).await.map(|_| ()),
        store.delete(id, exists).await,
    ] {
        let is_deleted = matches!(result, Err(StoreError::Deleted));
        let is_missing = matches!(result, Err(StoreError::NotFound));
        assert_eq!((is_deleted, is_missing), (is_in_trash, !is_in_trash), "{result:?}");
    }
}

pub(crate) fn fits(task: &Task, query: &ListQuery) -> bool {
    let status = match query.status {
        Status::All | Status::Deleted => true,
        Status::Pending => !task.completed,
        Status::Completed => task.completed,
    };
    let window = windows::contains(&query.window, task.due.as_ref());
    status && window
}
