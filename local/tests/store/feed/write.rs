//! A write of a random kind.

use fastrand::Rng;
use shared::User;
use shared::store::{Store, StoreError};
use shared::task::{IdempotencyKey, NewTask, Precondition, TaskChanges, TaskId, Toggle};

#[derive(Debug)]
pub(super) enum Write {
    Create(Option<IdempotencyKey>),
    /// At an id of the client's, where there may be a task or a tombstone.
    CreateAt(TaskId),
    Update(TaskId, TaskChanges),
    Toggle(TaskId, Toggle),
    Delete(TaskId),
    DeleteForGood(TaskId),
    Restore(TaskId),
}

/// What the writer was told.
#[derive(Debug)]
pub(super) enum Outcome {
    Acknowledged,
    Refused,
    Unknown,
}

/// The most tasks of a user: few, so that writes meet.
const MOST_TASKS: usize = 6;

impl Write {
    /// Chooses a write, of one of the tasks `ids` if it is not a create.
    pub(super) fn choose(random: &mut Rng, ids: &[TaskId]) -> Write {
        let kind = random.u32(..15);
        if ids.is_empty() || (kind < 3 && ids.len() < MOST_TASKS) {
            let key = IdempotencyKey::parse(&format!("key-{}", random.u64(..)));
            return Write::Create(key.filter(|_| random.u32(..3) == 0));
        }
        let id = ids[random.usize(..ids.len())];
        match kind {
            14 => Write::CreateAt(id),
            0..5 => {
                let title = Some(format!("t{}", random.u32(..)));
                Write::Update(id, TaskChanges { title, ..TaskChanges::default() })
            }
            5..7 => Write::Toggle(id, Toggle::Flip),
            7 => Write::Toggle(id, Toggle::Set(random.bool())),
            8..10 => Write::Delete(id),
            10 => Write::DeleteForGood(id),
            _ => Write::Restore(id),
        }
    }

    pub(super) async fn run(self, store: Store, user: User) -> Outcome {
        let tasks = store.tasks(&user);
        let exists = &Precondition::Exists;
        let result = match self {
            Write::Create(key) => {
                tasks.create(NewTask::titled("t"), key.as_ref()).await.map(|_| ())
            }
            Write::CreateAt(id) => tasks.create_at(id, NewTask::titled("t")).await.map(|_| ()),
            Write::Update(id, changes) => tasks.update(id, changes, exists).await.map(|_| ()),
            Write::Toggle(id, toggle) => tasks.toggle(id, toggle, exists).await.map(|_| ()),
            Write::Delete(id) => tasks.delete(id, exists).await,
            Write::DeleteForGood(id) => tasks.delete_for_good(id, exists).await,
            Write::Restore(id) => tasks.restore(id, exists).await.map(|_| ()),
        };
        match result {
            Ok(()) => Outcome::Acknowledged,
            Err(
                StoreError::NotFound
                | StoreError::Deleted
                | StoreError::InTrash
                | StoreError::Changed(_),
            ) => Outcome::Refused,
            Err(StoreError::OutcomeUnknown(_) | StoreError::Unavailable(_)) => Outcome::Unknown,
            Err(error) => panic!("{error:?}"),
        }
    }
}
