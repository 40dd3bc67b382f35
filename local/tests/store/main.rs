//! Compares the store with a plain model: random tasks, random operations, every list.

#![allow(clippy::unwrap_used, reason = "in a test, what fails is the message")]

mod account;
mod feed;
mod filters;
mod model;
mod once;
mod request_counts;
mod rewrite;
mod strategies;
mod trash;
mod upgrade;
mod walks;
mod windows;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use local::dynamodb::{Data, EmbeddedDynamoDb};
use local::settings::{Settings, repository};
use local::{TASKS_TABLE, seed, tables, token};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use shared::User;
use shared::store::{Store, StoreError, Tasks};
use shared::task::{
    Due, ListQuery, NewTask, Order, Precondition, Revision, Sort, Status, Task, TaskChanges,
    TaskId, Timestamp, Toggle,
};
use tokio::runtime::Runtime;

use model::Model;
use strategies::{Operation, new_tasks, operations};

/// One DynamoDB for all these tests. Each case has its own user, and users do not see each
/// other's tasks.
struct Database {
    runtime: Runtime,
    client: Client,
    store: Store,
    embedded: EmbeddedDynamoDb,
}

fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let (embedded, client) = runtime.block_on(empty_tables());
        Database { runtime, store: tables::store(client.clone()), client, embedded }
    })
}

/// A DynamoDB with the template's tables.
async fn empty_tables() -> (EmbeddedDynamoDb, Client) {
    let embedded = EmbeddedDynamoDb::start(0, &Data::Memory).unwrap();
    let client = tables::client(&embedded.url());
    let template = Settings::default().template().unwrap();
    tables::create(&client, &template.tables).await.unwrap();
    (embedded, client)
}

async fn new_user() -> User {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("user {}", COUNT.fetch_add(1, Ordering::Relaxed));
    token::user(&Settings::default(), &name).await.unwrap()
}

/// Runs `case` with the tasks of a new user.
fn with_tasks<F, R>(case: F) -> R
where
    F: AsyncFnOnce(Tasks<'_>) -> R,
{
    let database = database();
    database.runtime.block_on(async {
        let user = new_user().await;
        case(database.store.tasks(&user)).await
    })
}

/// One page of a list, and the query of the next one.
async fn page(store: &Tasks<'_>, query: &ListQuery) -> (Vec<Task>, Option<ListQuery>) {
    let mut tasks = Vec::new();
    let take = |task| {
        tasks.push(task);
        true
    };
    let next = store.list(query, take).await.unwrap();
    (tasks, next)
}

/// The pages of a list.
async fn pages(store: &Tasks<'_>, query: &ListQuery) -> Vec<Vec<Task>> {
    let (mut pages, mut next) = (Vec::new(), Some(query.clone()));
    while let Some(query) = next {
        let (tasks, rest) = page(store, &query).await;
        pages.push(tasks);
        next = rest;
    }
    pages
}

/// The task ids in each page of a list.
async fn ids(store: &Tasks<'_>, query: &ListQuery) -> Vec<Vec<TaskId>> {
    let ids = |page: Vec<Task>| page.into_iter().map(|task| task.id).collect();
    pages(store, query).await.into_iter().map(ids).collect()
}

/// A query for each status, sort and order.
fn combinations() -> impl Iterator<Item = ListQuery> {
    [Status::All, Status::Pending, Status::Completed].into_iter().flat_map(|status| {
        [Sort::Created, Sort::Title, Sort::DueDate].into_iter().flat_map(move |sort| {
            let query = move |order| ListQuery { status, sort, order, ..ListQuery::default() };
            [Order::Asc, Order::Desc].map(query)
        })
    })
}

/// The trash.
pub(crate) fn trash(order: Order) -> ListQuery {
    ListQuery { status: Status::Deleted, sort: Sort::Deleted, order, ..ListQuery::default() }
}

/// Checks that the list of `query`, whole and in pages of `size`, matches the model.
async fn check_list(model: &Model, store: &Tasks<'_>, query: &ListQuery, size: usize) {
    let expected = model.list(query);
    assert_eq!(pages(store, query).await, std::slice::from_ref(&expected), "{query:?}");
    let paged = ListQuery { limit: Some(size), ..query.clone() };
    let in_pages: Vec<Vec<Task>> = match expected.is_empty() {
        true => vec![vec![]],
        false => expected.chunks(size).map(<[Task]>::to_vec).collect(),
    };
    assert_eq!(pages(store, &paged).await, in_pages, "{paged:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_sequences_of_operations_match_the_model(
        operations in vec(operations(), 1..25),
    ) {
        with_tasks(async |store| {
            let mut model = Model::default();
            for operation in operations {
                model.run(&store, operation).await;
            }
            for task in &model.tasks {
                assert_eq!(store.get(task.id).await.unwrap(), *task);
            }
            for query in [ListQuery::default(), trash(Order::Desc)] {
                assert_eq!(pages(&store, &query).await, [model.list(&query)], "{query:?}");
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_list_whole_and_in_pages_matches_the_model(
        tasks in vec((new_tasks(), any::<bool>(), 0_u8..4), 0..40),
        size in 1_usize..12,
    ) {
        with_tasks(async |store| {
            let model = Model::of(&store, tasks).await;
            let mut combined = 0;
            for query in combinations().chain([trash(Order::Asc), trash(Order::Desc)]) {
                check_list(&model, &store, &query, size).await;
                combined += 1;
            }
            assert_eq!(combined, 20);
        });
    }
}

#[test]
fn every_attribute_of_a_task_is_in_the_data_model() {
    let document = std::fs::read_to_string(repository().join("docs/data-model.md")).unwrap();
    let (_, table) = document.split_once("| attribute | type | content |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let documented: String = rows.map(|row| row.split('|').nth(1).unwrap()).collect();
    let database = database();
    database.runtime.block_on(async {
        let user = new_user().await;
        let store = database.store.tasks(&user);
        let mut runner = TestRunner::deterministic();
        for _ in 0..50 {
            let new = new_tasks().new_tree(&mut runner).unwrap().current();
            let task = store.create(new, None).await.unwrap().task;
            store.toggle(task.id, Toggle::Flip, &Precondition::Exists).await.unwrap();
            if task.due.is_some() {
                store.delete(task.id, &Precondition::Exists).await.unwrap();
            }
        }
        let query = database.client.query().table_name(TASKS_TABLE);
        let query = query.key_condition_expression("user_id = :user");
        let user = AttributeValue::S(user.id().to_owned());
        let items = query.expression_attribute_values(":user", user).send().await.unwrap();
        for name in items.items().iter().flat_map(|item| item.keys()) {
            assert!(documented.contains(&format!("`{name}`")), "{name}");
        }
    });
}

#[test]
fn the_documented_export_has_every_member_of_a_task() {
    let document = std::fs::read_to_string(repository().join("docs/account-data.md")).unwrap();
    let (_, table) = document.split_once("| `json` | `csv` | `ics` |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let task = Task::with_id(TaskId::new(), "alice", NewTask::titled("t"));
    let due = Due::parse("2027-02-10");
    let task = Task { deleted_at: Some(task.updated_at), due, ..task };
    let task = serde_json::to_value(task).unwrap();
    for name in task.as_object().unwrap().keys() {
        assert!(table.contains(&format!("\n| `{name}`")), "{name}");
    }
}

#[test]
fn titles_that_differ_only_near_the_end_sort_by_creation() {
    with_tasks(async |store| {
        let mut model = Model::default();
        for end in ["b", "a", "c"] {
            // One character that sorts as eighteen.
            let title = format!("{}{end}", "\u{fdfa}".repeat(199));
            let new = NewTask::titled(title);
            model.run(&store, Operation::Create(new)).await;
        }
        let query = ListQuery { sort: Sort::Title, order: Order::Asc, ..ListQuery::default() };
        let created: Vec<TaskId> = model.tasks.iter().map(|task| task.id).collect();
        assert_eq!(ids(&store, &query).await, [created]);
    });
}

#[test]
fn a_precondition_must_hold_at_the_moment_of_the_write() {
    with_tasks(async |store| {
        let new = NewTask::titled("t");
        let task = store.create(new, None).await.unwrap().task;
        let current = Precondition::AnyOf(vec![Revision::new(), task.revision]);
        let changes = TaskChanges { title: Some("T".into()), ..TaskChanges::default() };
        let updated = store.update(task.id, changes.clone(), &current).await.unwrap();
        for stale in [current, Precondition::AnyOf(vec![])] {
            let results = [
                store.update(task.id, changes.clone(), &stale).await.map(|_| ()),
                store.update(task.id, TaskChanges::default(), &stale).await.map(|_| ()),
                store.toggle(task.id, Toggle::Flip, &stale).await.map(|_| ()),
                store.toggle(task.id, Toggle::Set(true), &stale).await.map(|_| ()),
                store.delete(task.id, &stale).await,
            ];
            for result in results {
                let Err(StoreError::Changed(current)) = result else { panic!("{result:?}") };
                assert_eq!(*current, updated);
            }
        }
        assert_eq!(store.get(task.id).await.unwrap(), updated);
    });
}

#[test]
fn an_imported_task_belongs_to_the_user_who_imports_it() {
    with_tasks(async |store| {
        let new = NewTask::titled("t");
        let created_at = Timestamp::parse("2020-02-29T12:00:00.500Z").unwrap();
        let task = Task::with_id(seed::task_id(created_at, [7; 10]).unwrap(), "somebody else", new);
        store.insert(&task).await.unwrap();
        let stored = store.get(task.id).await.unwrap();
        assert_ne!(stored.user_id, "somebody else");
        assert_eq!(stored.id.created_at(), created_at);
    });
}

#[test]
fn an_interrupted_seed_resumes_with_the_same_tasks() {
    let database = database();
    let list = async |user: &User| {
        let (tasks, next) = page(&database.store.tasks(user), &ListQuery::default()).await;
        assert_eq!(next, None);
        tasks
    };
    let seed = async |user: &User, count: u32| {
        let counts = std::cell::RefCell::new(Vec::new());
        let progress = |done| counts.borrow_mut().push(done);
        seed::fill(&database.client, user, count, progress).await.unwrap();
        let counts = counts.into_inner();
        assert!(counts.is_sorted());
        assert_eq!(counts.last(), Some(&count));
    };
    database.runtime.block_on(async {
        let user = new_user().await;
        seed(&user, 60).await;
        let first = list(&user).await;
        assert_eq!(first.len(), 60);
        seed(&user, 1000).await;
        let all = list(&user).await;
        assert_eq!(all.len(), 1000);
        assert_eq!(all.iter().filter(|task| task.completed).count(), 334);
        assert!(all.ends_with(&first), "the earlier tasks are unchanged");
        seed(&user, 1000).await;
        assert_eq!(list(&user).await, all);
    });
}
