//! The store against a plain model: random tasks, random operations, every
//! list.

#![allow(clippy::unwrap_used, reason = "in a test, what fails is the message")]

use std::cmp::Ordering;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use icu_collator::CollatorBorrowed;
use icu_collator::options::CollatorOptions;
use local::dynamodb::{Data, EmbeddedDynamoDb};
use local::settings::Settings;
use local::{TASKS_TABLE, tables, token};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use shared::User;
use shared::store::{Store, StoreError, Tasks};
use shared::task::{
    Change, ListQuery, NewTask, Order, Precondition, Priority, Revision, Sort, Status, Task,
    TaskChanges, TaskId, Timestamp, Toggle, Window,
};
use tokio::runtime::Runtime;

/// One DynamoDB for this file; each case has a user of its own, and users do
/// not see each other.
struct Database {
    runtime: Runtime,
    store: Store,
    _embedded: EmbeddedDynamoDb,
}

fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let embedded = EmbeddedDynamoDb::start(0, &Data::Memory).unwrap();
        let client = tables::client(&embedded.url());
        let template = Settings::default().template().unwrap();
        runtime.block_on(tables::create(&client, &template.tables)).unwrap();
        Database { runtime, store: Store::new(client, TASKS_TABLE), _embedded: embedded }
    })
}

fn new_user() -> User {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("user {}", COUNT.fetch_add(1, Relaxed));
    token::user(&Settings::default(), &name).unwrap()
}

/// Runs `case` with the tasks of a new user.
fn with_tasks<F, R>(case: F) -> R
where
    F: AsyncFnOnce(Tasks<'_>) -> R,
{
    let (database, user) = (database(), new_user());
    database.runtime.block_on(case(database.store.tasks(&user)))
}

fn titles() -> impl Strategy<Value = String> {
    let tricky = [
        "apple",
        "Apple",
        " apple",
        "Äpfel",
        "banana",
        "Éclair",
        "eclair",
        "zebra",
        "10",
        "9",
        "_",
        "яблоко",
        "日本",
        "\u{200b}",
        "a\u{0}b",
        "👋",
        "e\u{301}",
        "é",
    ];
    prop_oneof![
        3 => select(tricky.to_vec()).prop_map(str::to_owned),
        1 => vec(any::<char>(), 1..20)
            .prop_map(String::from_iter)
            .prop_filter("empty", |title: &String| !title.trim().is_empty()),
    ]
}

fn due_dates() -> impl Strategy<Value = Option<Timestamp>> {
    let dates = [
        "0001-01-01",
        "1969-12-31T23:59:59.999Z",
        "2027-02-10",
        "2027-02-10T00:00:00.001Z",
        "2027-02-11",
        "2027-12-31",
        "9999-12-31T23:59:59.999Z",
    ];
    option::weighted(0.7, select(dates.to_vec()).prop_map(|text| Timestamp::parse(text).unwrap()))
}

fn priorities() -> impl Strategy<Value = Priority> {
    select(vec![Priority::Low, Priority::Medium, Priority::High])
}

fn new_tasks() -> impl Strategy<Value = NewTask> {
    (titles(), option::of(titles()), option::of(priorities()), due_dates()).prop_map(
        |(title, description, priority, due_date)| NewTask {
            title,
            description,
            priority,
            due_date,
        },
    )
}

fn change<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
) -> impl Strategy<Value = Change<T>> {
    prop_oneof![2 => Just(Change::Keep), 1 => Just(Change::Clear), 2 => values.prop_map(Change::Set)]
}

fn changes() -> impl Strategy<Value = TaskChanges> {
    let due_date = due_dates().prop_filter_map("dated", |due_date| due_date);
    (
        option::of(titles()),
        change(titles()),
        change(priorities()),
        change(due_date),
        option::of(any::<bool>()),
    )
        .prop_map(|(title, description, priority, due_date, completed)| TaskChanges {
            title,
            description,
            priority,
            due_date,
            completed,
        })
}

#[derive(Clone, Debug)]
enum Operation {
    Create(NewTask),
    Update(Index, TaskChanges),
    Toggle(Index, Toggle),
    Delete(Index),
}

fn operations() -> impl Strategy<Value = Operation> {
    let toggle = prop_oneof![Just(Toggle::Flip), any::<bool>().prop_map(Toggle::Set)];
    prop_oneof![
        3 => new_tasks().prop_map(Operation::Create),
        3 => (any::<Index>(), changes()).prop_map(|(at, changes)| Operation::Update(at, changes)),
        3 => (any::<Index>(), toggle).prop_map(|(at, toggle)| Operation::Toggle(at, toggle)),
        1 => any::<Index>().prop_map(Operation::Delete),
    ]
}

/// What the store should hold: the tasks that are there, and the last one that
/// was deleted.
#[derive(Default)]
struct Model {
    tasks: Vec<Task>,
    deleted: Option<TaskId>,
}

impl Model {
    /// Does `operation` to the store and to the model, and compares what the
    /// store answers.
    async fn run(&mut self, store: &Tasks<'_>, operation: Operation) {
        match operation {
            Operation::Create(new) => {
                let task = store.create(new.clone()).await.unwrap();
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

    async fn toggle(&mut self, store: &Tasks<'_>, at: usize, toggle: Toggle) {
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

    /// A write gives the task as expected, with a revision and a time of its
    /// own.
    fn wrote(&mut self, at: usize, answer: Task, mut expected: Task) {
        let before = &self.tasks[at];
        if expected == *before && answer.revision == before.revision {
            // Nothing was to be changed, so nothing was written.
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

    /// The ids of the list that `query` asks for, whole.
    fn list(&self, query: &ListQuery) -> Vec<TaskId> {
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
        tasks.into_iter().map(|task| task.id).collect()
    }
}

/// `task` as `changes` make it, but for its revision and its times.
fn changed(mut task: Task, changes: TaskChanges) -> Task {
    fn apply<T>(value: &mut Option<T>, change: Change<T>) {
        match change {
            Change::Keep => {}
            Change::Clear => *value = None,
            Change::Set(new) => *value = Some(new),
        }
    }
    task.title = changes.title.unwrap_or(task.title);
    apply(&mut task.description, changes.description);
    apply(&mut task.priority, changes.priority);
    apply(&mut task.due_date, changes.due_date);
    task.completed = changes.completed.unwrap_or(task.completed);
    if !task.completed {
        task.completed_at = None;
    }
    task
}

fn fits(task: &Task, query: &ListQuery) -> bool {
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

/// All pages of a list, each as its ids.
async fn pages(store: &Tasks<'_>, query: &ListQuery) -> Vec<Vec<TaskId>> {
    let (mut pages, mut next) = (Vec::new(), Some(query.clone()));
    while let Some(query) = next {
        let page = store.list(&query).await.unwrap();
        let tasks: Vec<serde_json::Value> = serde_json::from_str(&page.json).unwrap();
        let id = |task: &serde_json::Value| TaskId::parse(task["id"].as_str().unwrap()).unwrap();
        pages.push(tasks.iter().map(id).collect());
        next = page.next;
    }
    pages
}

fn combinations() -> impl Iterator<Item = ListQuery> {
    let all = [Status::All, Status::Pending, Status::Completed];
    all.into_iter().flat_map(|status| {
        [Sort::Created, Sort::Title, Sort::DueDate].into_iter().flat_map(move |sort| {
            [Order::Asc, Order::Desc].map(|order| ListQuery {
                status,
                sort,
                order,
                ..ListQuery::default()
            })
        })
    })
}

/// The list of `query`, whole and in pages of `size`, is that of the model.
async fn check_list(model: &Model, store: &Tasks<'_>, query: &ListQuery, size: usize) {
    let expected = model.list(query);
    assert_eq!(pages(store, query).await, std::slice::from_ref(&expected), "{query:?}");
    let paged = ListQuery { limit: Some(size), ..query.clone() };
    let in_pages: Vec<Vec<TaskId>> = match expected.is_empty() {
        true => vec![vec![]],
        false => expected.chunks(size).map(<[TaskId]>::to_vec).collect(),
    };
    assert_eq!(pages(store, &paged).await, in_pages, "{paged:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_sequences_of_operations_do_what_the_model_does(
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
            let newest = ListQuery::default();
            assert_eq!(pages(&store, &newest).await, [model.list(&newest)]);
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_list_whole_and_in_pages_is_the_models(
        tasks in vec((new_tasks(), any::<bool>()), 0..40),
        size in 1_usize..12,
    ) {
        with_tasks(async |store| {
            let mut model = Model::default();
            for (new, completed) in tasks {
                model.run(&store, Operation::Create(new)).await;
                if completed {
                    model.toggle(&store, model.tasks.len() - 1, Toggle::Flip).await;
                }
            }
            let mut combined = 0;
            for query in combinations() {
                check_list(&model, &store, &query, size).await;
                combined += 1;
            }
            assert_eq!(combined, 18);
        });
    }

    #[test]
    fn every_window_in_both_orders_is_the_models(
        tasks in vec((new_tasks(), any::<bool>()), 0..40),
        bounds in (due_dates(), due_dates()),
        size in 1_usize..12,
    ) {
        let (after, before) = bounds;
        let window = Window { after, before };
        prop_assume!(window.is_bounded());
        prop_assume!(after.is_none() || before.is_none() || after < before);
        with_tasks(async |store| {
            let mut model = Model::default();
            for (new, completed) in tasks {
                model.run(&store, Operation::Create(new)).await;
                if completed {
                    model.toggle(&store, model.tasks.len() - 1, Toggle::Set(true)).await;
                }
            }
            for query in combinations().filter(|query| query.sort == Sort::DueDate) {
                check_list(&model, &store, &ListQuery { window, ..query }, size).await;
            }
        });
    }
}

#[test]
fn titles_that_differ_only_far_behind_sort_by_creation() {
    with_tasks(async |store| {
        let mut model = Model::default();
        for end in ["b", "a", "c"] {
            // One character that sorts as eighteen.
            let title = format!("{}{end}", "\u{fdfa}".repeat(199));
            let new = NewTask { title, description: None, priority: None, due_date: None };
            model.run(&store, Operation::Create(new)).await;
        }
        let query = ListQuery { sort: Sort::Title, order: Order::Asc, ..ListQuery::default() };
        let created: Vec<TaskId> = model.tasks.iter().map(|task| task.id).collect();
        assert_eq!(pages(&store, &query).await, [created]);
    });
}

#[test]
fn a_precondition_must_hold_at_the_moment_of_the_write() {
    with_tasks(async |store| {
        let new = NewTask { title: "t".into(), description: None, priority: None, due_date: None };
        let task = store.create(new).await.unwrap();
        let current = Precondition::Revision(vec![Revision::new(), task.revision]);
        let changes = TaskChanges { title: Some("T".into()), ..TaskChanges::default() };
        let updated = store.update(task.id, changes.clone(), &current).await.unwrap();
        for stale in [current, Precondition::Revision(vec![])] {
            let results = [
                store.update(task.id, changes.clone(), &stale).await.map(|_| ()),
                store.update(task.id, TaskChanges::default(), &stale).await.map(|_| ()),
                store.toggle(task.id, Toggle::Flip, &stale).await.map(|_| ()),
                store.toggle(task.id, Toggle::Set(true), &stale).await.map(|_| ()),
                store.delete(task.id, &stale).await,
            ];
            for result in results {
                assert!(matches!(result, Err(StoreError::Changed)), "{result:?}");
            }
        }
        assert_eq!(store.get(task.id).await.unwrap(), updated);
    });
}

#[test]
fn an_imported_task_belongs_to_the_user_who_imports_it() {
    with_tasks(async |store| {
        let new = NewTask { title: "t".into(), description: None, priority: None, due_date: None };
        let created_at = Timestamp::parse("2020-02-29T12:00:00.500Z").unwrap();
        let task = Task::with_id(TaskId::at(created_at), "somebody else", new);
        store.insert(&task).await.unwrap();
        let stored = store.get(task.id).await.unwrap();
        assert_ne!(stored.user_id, "somebody else");
        assert_eq!(stored.id.created_at(), created_at);
    });
}
