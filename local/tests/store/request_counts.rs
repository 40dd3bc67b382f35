//! How many requests to DynamoDB a list needs, and how many items they read.

use local::faults::{FaultProxy, ProxyOptions, Usage};
use local::tables;
use shared::User;
use shared::store::{Store, Tasks};
use shared::task::{
    Due, FeedEntry, FeedQuery, ListQuery, NewTask, Order, Sort, Status, Task, TaskId, Timestamp,
};

use crate::{database, new_user, page};

/// The tasks of one user, behind a proxy that meters requests.
pub(crate) struct Counted {
    proxy: FaultProxy,
    pub(crate) user: User,
}

impl Counted {
    pub(crate) async fn start() -> Counted {
        let options = ProxyOptions { is_metered: true, ..ProxyOptions::default() };
        let proxy = FaultProxy::start(database().embedded.url(), options);
        Counted { proxy: proxy.await.unwrap(), user: new_user().await }
    }

    /// Runs `case` with the tasks, and returns what it has cost.
    pub(crate) async fn cost<R>(&self, case: impl AsyncFnOnce(Tasks<'_>) -> R) -> (R, Usage) {
        self.cost_of_many(async |store| case(store.tasks(&self.user)).await).await
    }

    /// As [`Counted::cost`], for a case that takes more than one request's time.
    pub(crate) async fn cost_of_many<R>(&self, case: impl AsyncFnOnce(&Store) -> R) -> (R, Usage) {
        let store = tables::store(tables::client(self.proxy.url()));
        let before = self.proxy.usage();
        let result = case(&store).await;
        (result, self.proxy.usage() - before)
    }

    /// The pages of `query`: the tasks in each, and what it has cost.
    pub(crate) async fn pages(&self, query: &ListQuery) -> Vec<(Vec<Task>, Usage)> {
        let (mut costs, mut next) = (Vec::new(), Some(query.clone()));
        while let Some(query) = next {
            let ((tasks, rest), usage) = self.cost(async |store| page(&store, &query).await).await;
            costs.push((tasks, usage));
            next = rest;
        }
        costs
    }
}

/// Stores a task for each of `kinds`, which say whether it is completed and when it is due.
/// The titles are in the same order.
async fn fill(counted: &Counted, kinds: impl Iterator<Item = (bool, Option<Timestamp>)>) {
    let task = |(index, (completed, due_date)): (usize, (bool, Option<Timestamp>))| {
        let title = format!("{index:04}");
        let new = NewTask { due: due_date.map(Due::from), ..NewTask::titled(title) };
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
fn a_page_of_any_list_is_one_request_that_reads_at_most_one_extra_item() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        fill(&counted, (0..90).map(|index| (index % 3 == 0, None))).await;
        for (status, count) in [(Status::All, 90), (Status::Pending, 60), (Status::Completed, 30)] {
            for sort in [Sort::Created, Sort::Title, Sort::DueDate] {
                let query = ListQuery { status, sort, order: Order::Asc, ..by_title(20) };
                let costs = counted.pages(&query).await;
                assert_eq!(costs.iter().map(|(tasks, _)| tasks.len()).sum::<usize>(), count);
                for (tasks, usage) in &costs {
                    assert_eq!(usage.requests, 1, "{query:?}");
                    assert!(usage.items <= tasks.len() as u64 + 1, "{query:?}: {usage:?}");
                }
            }
        }
    });
}

#[test]
fn a_page_of_changes_is_one_request_and_so_is_a_poll_that_finds_none() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        fill(&counted, (0..45).map(|index| (index % 3 == 0, None))).await;
        let mut query = FeedQuery { since: None, limit: 10 };
        let mut pages = Vec::new();
        for _ in 0..6 {
            let mut changes = 0;
            let take = |_: &FeedEntry| {
                changes += 1;
                true
            };
            let (page, usage) =
                counted.cost(async |store| store.changes(&query, take).await.unwrap()).await;
            assert_eq!(usage.requests, 1);
            pages.push((changes, page.more));
            query.since = Some(page.next);
        }
        let full = (10, true);
        assert_eq!(pages, [full, full, full, full, (5, false), (0, false)]);
    });
}

#[test]
fn undated_tasks_are_not_read_while_there_are_dated_ones() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        let due = Timestamp::parse("2027-02-10");
        fill(&counted, (0..110).map(|index| (index % 2 == 0, due.filter(|_| index < 50)))).await;
        let query = ListQuery { sort: Sort::DueDate, order: Order::Desc, ..by_title(20) };
        let requests: Vec<u64> =
            counted.pages(&query).await.iter().map(|(_, usage)| usage.requests).collect();
        assert_eq!(requests, [1, 1, 2, 1, 1, 1], "the third page begins with dated tasks");
    });
}
