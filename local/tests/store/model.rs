//! A plain model of the store.

use std::cmp::Ordering;

use icu_collator::CollatorBorrowed;
use icu_collator::options::CollatorOptions;
use proptest::sample::Index;
use shared::store::{StoreError, Tasks};
use shared::task::{
    Change, ListQuery, Order, Precondition, Sort, Status, Task, TaskChanges, TaskId, Toggle,
};

use crate::strategies::Operation;

/// The tasks that the store should hold, and the last one that was deleted.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) tasks: Vec<Task>,
    deleted: Option<TaskId>,
}

impl Model {
    /// Applies `operation` to the store and to the model, and compares the results.
    pub(crate) async fn run(&mut self, store: &Tasks<'_>, operation: Operation) {
        match operation {
            Operation::Create(new) => {
                let task = store.create(new.clone(), None).await.unwrap().task;
                assert_eq!(task.updated_at, task.id.created_at());
                let bare =
                    Task { revision: task.revision, ..Task::with_id(task.id, &task.user_id, new) };
                assert_eq!(task, bare);
                self.tasks.push(task);
            }
            Operation::Update(at, changes) => {
                let Some(at) = self.at(at) else { return };
                let before = self.tasks[at].clone();
                let answer = store.update(before.id, changes.clone(), &Precondition::Exists).await;
                self.wrote(at, answer.unwrap(), changed(before, changes));
            }
            Operation::Toggle(at, toggle) => {
                let Some(at) = self.at(at) else { return };
                self.toggle(store, at, toggle).await;
            }
            Operation::Delete(at) => {
                let Some(at) = self.at(at) else { return };
                let id = self.tasks.remove(at).id;
                store.delete(id, &Precondition::Exists).await.unwrap();
                self.deleted = Some(id);
            }
        }
        if let Some(id) = self.deleted {
            let exists = &Precondition::Exists;
            let set = Toggle::Set(true);
            for result in [
                store.get(id).await.map(|_| ()),
                store.toggle(id, Toggle::Flip, exists).await.map(|_| ()),
                store.toggle(id, set, exists).await.map(|_| ()),
                store.delete(id, exists).await,
            ] {
                assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
            }
        }
    }

    pub(crate) async fn toggle(&mut self, store: &Tasks<'_>, at: usize, toggle: Toggle) {
        let before = self.tasks[at].clone();
        let completed = match toggle {
            Toggle::Flip => !before.completed,
            Toggle::Set(completed) => completed,
        };
        let answer = store.toggle(before.id, toggle, &Precondition::Exists).await;
        let changes = TaskChanges { completed: Some(completed), ..TaskChanges::default() };
        self.wrote(at, answer.unwrap(), changed(before, changes));
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
        let mut tasks: Vec<&Task> = self.tasks.iter().filter(|task| fits(task, query)).collect();
        tasks.sort_by(|a, b| {
            let key = match query.sort {
                Sort::Created => Ordering::Equal,
                Sort::Title => collator.compare(a.title.trim(), b.title.trim()),
                Sort::DueDate => a.due_date.cmp(&b.due_date),
            };
            let directed = match query.order {
                Order::Asc => key.then(a.id.cmp(&b.id)),
                Order::Desc => key.then(a.id.cmp(&b.id)).reverse(),
            };
            let undated = a.due_date.is_none().cmp(&b.due_date.is_none());
            if query.sort == Sort::DueDate { undated.then(directed) } else { directed }
        });
        tasks.into_iter().cloned().collect()
    }
}

/// Applies `changes` to `task`, but does not set the revision and the times.
pub(crate) fn changed(mut task: Task, changes: TaskChanges) -> Task {
    fn apply<T>(value: &mut Option<T>, change: Change<T>) {
        match change {
            Change::Keep => {}
            Change::Clear => *value = None,
            Change::Set(new) => *value = Some(new),
        }
    }
    let TaskChanges { title, description, priority, due_date, completed } = changes;
    task.title = title.unwrap_or(task.title);
    apply(&mut task.description, description);
    apply(&mut task.priority, priority);
    apply(&mut task.due_date, due_date);
    task.completed = completed.unwrap_or(task.completed);
    if !task.completed {
        task.completed_at = None;
    }
    task
}

pub(crate) fn fits(task: &Task, query: &ListQuery) -> bool {
    let status = match query.status {
        Status::All => true,
        Status::Pending => !task.completed,
        Status::Completed => task.completed,
    };
    let window = !query.window.is_bounded()
        || task.due_date.is_some_and(|due| {
            query.window.after.is_none_or(|after| after <= due)
                && query.window.before.is_none_or(|before| due < before)
        });
    status && window
}
