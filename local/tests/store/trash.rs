//! Many tasks in the trash, and tasks that have been in it for too long.

use std::time::{Duration, SystemTime};

use shared::store::{StoreError, Tasks};
use shared::task::{ListQuery, NewTask, Order, Precondition, Task, TaskId, Timestamp};

use crate::request_counts::Counted;
use crate::{database, ids, page, trash, with_tasks};

const DAY: u64 = 24 * 60 * 60;

fn task(user_id: &str, deleted_at: Option<Timestamp>) -> Task {
    Task { deleted_at, ..Task::with_id(TaskId::new(), user_id, NewTask::titled("t")) }
}

/// Stores a task that was deleted so many seconds ago.
async fn deleted_before(store: &Tasks<'_>, seconds: u64) -> Task {
    let moment = SystemTime::now() - Duration::from_secs(seconds);
    let task = task("somebody", Some(Timestamp::from_system_time(moment)));
    store.insert(&task).await.unwrap();
    task
}

#[test]
fn a_task_leaves_the_trash_after_thirty_days_whether_dynamodb_has_removed_it_or_not() {
    with_tasks(async |store| {
        let exists = &Precondition::Exists;
        let late = deleted_before(&store, 30 * DAY - 60).await;
        let gone = deleted_before(&store, 30 * DAY + 60).await;
        for order in [Order::Asc, Order::Desc] {
            assert_eq!(ids(&store, &trash(order)).await, [[late.id]]);
        }
        for result in [
            store.restore(gone.id, exists).await.map(|_| ()),
            store.delete_for_good(gone.id, exists).await,
            store.get(gone.id).await.map(|_| ()),
        ] {
            assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
        }
        assert_eq!(store.restore(late.id, exists).await.unwrap().title, late.title);
        let again = store.create_at(gone.id, NewTask::titled("again")).await.unwrap();
        assert!(!again.replayed);
        assert_eq!(store.get(gone.id).await.unwrap(), again.task);
    });
}

#[test]
fn a_few_deleted_tasks_among_the_first_cost_a_page_one_small_request_at_most() {
    database().runtime.block_on(async {
        for (deleted, cost) in [(0, (1, 21)), (1, (2, 21 + 42)), (5, (2, 21 + 42))] {
            let counted = Counted::start().await;
            let user = counted.user.id();
            let now = Some(Timestamp::now());
            let is_deleted = |at: &i32| (490..490 + deleted).contains(at);
            let task = |at| task(user, now.filter(|_| is_deleted(&at)));
            let tasks: Vec<Task> = (0..500).map(task).collect();
            database().store.tasks(&counted.user).insert_all(&tasks).await.unwrap();
            let query = ListQuery { limit: Some(20), ..ListQuery::default() };
            let ((page, _), usage) = counted.cost(async |store| page(&store, &query).await).await;
            assert_eq!(page.len(), 20);
            assert_eq!((usage.requests, usage.items), cost, "{deleted}");
        }
    });
}

#[test]
fn a_list_passes_over_thousands_of_deleted_tasks_with_bounded_work_and_finds_all_others() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        let user = counted.user.id();
        let now = Some(Timestamp::now());
        let mut tasks: Vec<Task> = (0..5).map(|_| task(user, None)).collect();
        tasks.extend((0..12_500).map(|_| task(user, now)));
        tasks.extend((0..5).map(|_| task(user, None)));
        let living: Vec<TaskId> =
            tasks.iter().filter(|task| task.deleted_at.is_none()).map(|task| task.id).collect();
        for tasks in tasks.chunks(500) {
            database().store.tasks(&counted.user).insert_all(tasks).await.unwrap();
        }
        for (limit, pages) in [(None, 2..=3), (Some(3), 4..=6), (Some(1000), 2..=3)] {
            let mut found = Vec::new();
            let mut read = 0;
            let mut next = Some(ListQuery { limit, order: Order::Asc, ..ListQuery::default() });
            while let Some(query) = next {
                let ((tasks, rest), usage) =
                    counted.cost(async |store| page(&store, &query).await).await;
                assert!(usage.requests <= 18, "{query:?}: {usage:?}");
                assert!(usage.items <= 12_000, "{query:?}: {usage:?}");
                found.extend(tasks.iter().map(|task| task.id));
                next = rest;
                read += 1;
            }
            assert_eq!(found, living, "{limit:?}");
            assert!(pages.contains(&read), "{read} pages with {limit:?}");
        }
    });
}
