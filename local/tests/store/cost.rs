//! What lists cost: requests to DynamoDB, and items that it reads for them.

use std::sync::Arc;

use local::faults::{FaultProxy, Faults, Usage};
use local::tables;
use shared::User;
use shared::store::Tasks;
use shared::task::{
    Change, ListQuery, NewTask, Order, Precondition, Sort, Status, Task, TaskChanges, TaskId,
    Timestamp, Toggle,
};

use crate::{database, new_user, pages};

/// One user's tasks, behind a proxy that counts.
struct Counted {
    proxy: FaultProxy,
    user: User,
}

impl Counted {
    async fn start() -> Counted {
        let proxy = FaultProxy::start(database().embedded.url(), Arc::new(Faults::metered()));
        Counted { proxy: proxy.await.unwrap(), user: new_user().await }
    }

    /// Runs `case` with the tasks, and tells what it has cost.
    async fn cost<R>(&self, case: impl AsyncFnOnce(Tasks<'_>) -> R) -> (R, Usage) {
        let store = tables::store(tables::client(self.proxy.url()));
        let before = self.proxy.faults().usage();
        let result = case(store.tasks(&self.user)).await;
        (result, self.proxy.faults().usage() - before)
    }

    /// What each page of `query` has cost, with the number of its tasks.
    async fn pages(&self, query: &ListQuery) -> Vec<(usize, Usage)> {
        let (mut costs, mut next) = (Vec::new(), Some(query.clone()));
        while let Some(query) = next {
            let (page, usage) = self.cost(async |store| store.list(&query).await.unwrap()).await;
            costs.push((page.json.matches("\"id\":").count(), usage));
            next = page.next;
        }
        costs
    }
}

/// Stores a task for each of `kinds`: whether it is completed, and when it is
/// due. Titles are in their order.
async fn fill(counted: &Counted, kinds: impl Iterator<Item = (bool, Option<Timestamp>)>) {
    let task = |(index, (completed, due_date)): (usize, (bool, Option<Timestamp>))| {
        let title = format!("{index:04}");
        let new = NewTask { title, description: None, priority: None, due_date };
        let id = TaskId::new();
        Task { completed, ..Task::with_id(id, counted.user.id(), new) }
    };
    let tasks: Vec<Task> = kinds.enumerate().map(task).collect();
    database().store.tasks(&counted.user).insert_all(&tasks).await.unwrap();
}

fn by_title(limit: usize) -> ListQuery {
    ListQuery { sort: Sort::Title, order: Order::Asc, limit: Some(limit), ..ListQuery::default() }
}

#[test]
fn a_page_of_one_index_is_one_request_that_reads_one_item_more() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        fill(&counted, (0..90).map(|index| (index % 3 == 0, None))).await;
        for (status, count) in [(Status::Pending, 60), (Status::Completed, 30)] {
            for sort in [Sort::Created, Sort::Title, Sort::DueDate] {
                let query = ListQuery { status, sort, order: Order::Asc, ..by_title(20) };
                let costs = counted.pages(&query).await;
                assert_eq!(costs.iter().map(|(tasks, _)| tasks).sum::<usize>(), count);
                for (tasks, usage) in &costs {
                    assert_eq!(usage.requests, 1, "{query:?}");
                    assert!(usage.items <= *tasks as u64 + 1, "{query:?}: {usage:?}");
                }
            }
        }
    });
}

#[test]
fn a_mixed_list_is_read_by_its_mixture_in_one_round_trip() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        // Alike everywhere, as far as pages of fifty can tell.
        fill(&counted, (0..900).map(|index| (index % 3 == 0, None))).await;
        let costs = counted.pages(&by_title(50)).await;
        assert_eq!(costs.len(), 18);
        assert_eq!(costs[0].1.items, 101, "nothing is known yet");
        for (tasks, usage) in &costs {
            assert_eq!((*tasks, usage.requests), (50, 2));
        }
        let later: u64 = costs[1..].iter().map(|(_, usage)| usage.items).sum();
        assert!(later <= 17 * 50 * 16 / 10, "{later} items for {} tasks", 17 * 50);
    });
}

#[test]
fn a_list_in_blocks_takes_another_round_trip_only_where_a_block_ends() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        fill(&counted, (0..600).map(|index| ((index / 200) % 2 == 1, None))).await;
        let costs = counted.pages(&by_title(20)).await;
        assert_eq!(costs.iter().map(|(tasks, _)| tasks).sum::<usize>(), 600);
        let more = costs.iter().filter(|(_, usage)| usage.requests > 2).count();
        assert!(more <= 4, "{more} pages with more than one round trip");
        for (tasks, usage) in &costs {
            assert!(usage.items as f64 <= 2.05 * *tasks as f64, "{tasks} tasks: {usage:?}");
        }
    });
}

#[test]
fn undated_tasks_are_not_read_while_there_are_dated_ones() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        let due = Timestamp::parse("2027-02-10");
        // What is done was due, what is left is not.
        fill(&counted, (0..120).map(|index| (index < 60, due.filter(|_| index < 60)))).await;
        let query = ListQuery { sort: Sort::DueDate, order: Order::Desc, ..by_title(20) };
        let requests: Vec<u64> =
            counted.pages(&query).await.iter().map(|(_, usage)| usage.requests).collect();
        // On the first page nothing is known, and only the pending tasks are
        // read by one more than the page has.
        assert_eq!(requests[..2], [3, 2], "dated pages");
        assert!(requests[2] <= 4, "where the dated tasks end: {requests:?}");
        assert!(requests[3..].iter().sum::<u64>() <= 10, "undated pages: {requests:?}");
    });
}

#[test]
fn a_long_run_of_moved_tasks_is_passed_in_few_requests() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        fill(&counted, (0..240).map(|_| (false, None))).await;
        let store = database().store.tasks(&counted.user);
        let query = ListQuery { status: Status::Pending, ..by_title(20) };
        let first = store.list(&query).await.unwrap();
        let all = pages(&store, &ListQuery { limit: None, ..query.clone() }).await.concat();
        let changes = TaskChanges {
            title: Some("1".into()),
            description: Change::Keep,
            ..TaskChanges::default()
        };
        for id in &all[20..220] {
            store.update(*id, changes.clone(), &Precondition::Exists).await.unwrap();
        }
        let next = first.next.unwrap();
        let (last, usage) = counted.cost(async |store| store.list(&next).await.unwrap()).await;
        assert_eq!(last.json.matches("\"id\":").count(), 20, "those that were not moved");
        assert_eq!(last.next, None);
        assert!(usage.requests <= 8, "{usage:?}");
    });
}

#[test]
fn a_task_that_is_toggled_while_it_is_read_comes_once() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        fill(&counted, (0..30).map(|index| (index % 2 == 0, None))).await;
        let store = database().store.tasks(&counted.user);
        let all = pages(&store, &by_title(100)).await.concat();
        let toggling = async {
            for round in 0..40 {
                for id in &all {
                    let toggle = Toggle::Set(round % 2 == 0);
                    store.toggle(*id, toggle, &Precondition::Exists).await.unwrap();
                }
            }
        };
        let reading = async {
            loop {
                let mut ids = pages(&store, &by_title(100)).await.concat();
                let count = ids.len();
                ids.sort();
                ids.dedup();
                assert_eq!(ids.len(), count, "twice in one page");
            }
        };
        tokio::select! {
            () = toggling => {}
            () = reading => {}
        }
    });
}
