//! All that a user has: exported, erased, and imported again.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use local::TASKS_TABLE;
use local::import::{self, Totals};
use proptest::collection::vec;
use proptest::prelude::*;
use shared::User;
use shared::http::Export;
use shared::store::{Imported, Store};
use shared::task::{
    Due, DueChange, ExportQuery, FeedEntry, FeedQuery, Format, Labels, NewTask, Order,
    Precondition, Revision, Task, TaskChanges, TaskId, Timestamp, Toggle,
};

use crate::model::Model;
use crate::request_counts::Counted;
use crate::strategies::{new_tasks, operations};
use crate::{database, new_user, trash};

/// How long a task stays in the trash.
const TRASH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Runs `case` with a new user.
fn with_user(case: impl AsyncFnOnce(&Store, User)) {
    let database = database();
    database.runtime.block_on(async { case(&database.store, new_user().await).await });
}

/// The pages of an export.
async fn export(store: &Store, user: &User, limit: Option<usize>) -> Vec<Vec<Task>> {
    let (mut pages, mut next) = (Vec::new(), Some(ExportQuery { limit, ..ExportQuery::default() }));
    while let Some(query) = next {
        let mut page = Vec::new();
        let take = |task| {
            page.push(task);
            true
        };
        next = store.tasks(user).export(&query, take).await.unwrap();
        pages.push(page);
    }
    pages
}

async fn exported(user: &User) -> Vec<Task> {
    export(&database().store, user, None).await.concat()
}

/// Erases as often as it takes.
async fn erase(store: &Store, user: &User) -> usize {
    let (mut erased, mut last) = (0, None);
    loop {
        let erasure = store.tasks(user).erase(last).await.unwrap();
        erased += erasure.erased;
        last = erasure.last;
        if !erasure.remaining {
            return erased;
        }
    }
}

/// The file of `tasks`.
fn file(tasks: &[Task], format: Format) -> String {
    let mut export = Export::whole(format);
    assert!(tasks.iter().all(|task| export.push(task)));
    export.into_text()
}

/// The tasks of a file, all of which can be imported.
fn read(text: &str, format: Format) -> Vec<Task> {
    let entries = import::read(text, format, "somebody").unwrap();
    assert!(entries.iter().all(|entry| entry.notes.is_empty()));
    entries.into_iter().map(|entry| entry.task.unwrap()).collect()
}

/// A task without what an import gives it anew, and what CSV does not tell apart.
fn lasting(task: &Task) -> Task {
    Task {
        user_id: String::new(),
        description: task.description.clone().filter(|text| !text.is_empty()),
        updated_at: task.id.created_at(),
        revision: Revision::parse(&task.id.to_string()).unwrap(),
        ..task.clone()
    }
}

/// A task without what a calendar cannot have.
fn in_calendar(task: &Task) -> Task {
    let second = |moment: Timestamp| {
        let millis = moment.unix_millis();
        Timestamp::from_unix_millis(millis - millis.rem_euclid(1000))
    };
    let text = |text: &str| {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let is_control = |char: char| char.is_ascii_control() && !matches!(char, '\n' | '\t');
        text.replace(is_control, "\u{fffd}")
    };
    let due = serde_json::to_string(&task.due).unwrap();
    let due = due.split_once(",\"at\"").map_or("", |(due, _)| due);
    let due = match due.split_once('.') {
        Some((before, after)) => format!("{before}{}", &after[3..]),
        None => due.to_owned(),
    };
    let labels = task.labels.as_slice().iter().map(|label| text(label)).collect();
    Task {
        title: format!("{} {due}", text(&task.title)),
        description: task.description.as_deref().map(text),
        labels: Labels::new(labels).unwrap(),
        due: None,
        completed_at: task.completed_at.map(second),
        ..lasting(task)
    }
}

async fn scan_all() -> Vec<String> {
    let scan = database().client.scan().table_name(TASKS_TABLE).send().await.unwrap();
    scan.items().iter().map(|item| format!("{item:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_export_has_every_task_once_in_order_of_creation(
        operations in vec(operations(), 1..25),
        size in 1_usize..6,
    ) {
        with_user(async |store, user| {
            let tasks = store.tasks(&user);
            let mut model = Model::default();
            for operation in operations {
                model.run(&tasks, operation).await;
            }
            let mut all = [model.tasks.clone(), model.list(&trash(Order::Asc))].concat();
            all.sort_by_key(|task| task.id);
            assert_eq!(exported(&user).await, all);
            let pages = export(store, &user, Some(size)).await;
            assert!(pages.iter().all(|page| page.len() <= size));
            assert_eq!(pages.concat(), all);
        });
    }

    #[test]
    fn what_was_exported_and_erased_comes_back_as_it_was(
        tasks in vec((new_tasks(), any::<bool>(), 0_u8..4), 0..12),
    ) {
        with_user(async |store, user| {
            Model::of(&store.tasks(&user), tasks).await;
            let all = exported(&user).await;
            let lasting = |tasks: &[Task]| tasks.iter().map(lasting).collect::<Vec<_>>();
            for format in [Format::Json, Format::Csv] {
                let text = file(&exported(&user).await, format);
                assert_eq!(erase(store, &user).await, all.len());
                assert_eq!(exported(&user).await, []);
                for task in read(&text, format) {
                    let again = task.clone();
                    let stored = store.tasks(&user).import(task).await.unwrap();
                    let existing = store.tasks(&user).import(again).await.unwrap();
                    assert_eq!((stored, existing), (Imported::Stored, Imported::Existing));
                }
                assert_eq!(lasting(&exported(&user).await), lasting(&all));
            }
            let living: Vec<_> = all.iter().filter(|task| task.deleted_at.is_none()).collect();
            let read = read(&file(&all, Format::Ics), Format::Ics);
            let expected: Vec<_> = living.into_iter().map(in_calendar).collect();
            assert_eq!(read.iter().map(in_calendar).collect::<Vec<_>>(), expected);
        });
    }
}

#[test]
fn an_erasure_leaves_nothing_but_bare_tombstones() {
    database().runtime.block_on(async {
        let (alice, bob) = (new_user().await, new_user().await);
        let mine = database().store.tasks(&alice);
        let theirs = database().store.tasks(&bob);
        let exists = &Precondition::Exists;
        let new = |title: &str| NewTask {
            description: Some("SECRET description".to_owned()),
            due: Due::parse("2027-02-10"),
            labels: Labels::new(vec!["SECRET label".to_owned()]).unwrap(),
            ..NewTask::titled(title)
        };
        for number in 0..8 {
            let id = mine.create(new("SECRET title"), None).await.unwrap().task.id;
            match number {
                0 | 1 => drop(mine.toggle(id, Toggle::Flip, exists).await.unwrap()),
                2 | 3 => mine.delete(id, exists).await.unwrap(),
                4 => mine.delete_for_good(id, exists).await.unwrap(),
                5 => {
                    let due = DueChange::Set(Due::parse("2027-02-11T09:00").unwrap());
                    let changes = TaskChanges { due, ..TaskChanges::default() };
                    mine.update(id, changes, exists).await.unwrap();
                }
                _ => {}
            }
        }
        let long_ago = Timestamp::from_system_time(SystemTime::now() - TRASH * 2);
        let expired = Task::with_id(TaskId::at(long_ago), alice.id(), new("SECRET expired"));
        mine.insert(&Task { deleted_at: Some(long_ago), ..expired.clone() }).await.unwrap();
        let at_id = TaskId::new();
        mine.create_at(at_id, new("SECRET at an id")).await.unwrap();
        let kept = theirs.create(new("bob's"), None).await.unwrap().task;
        let first = mine.changes(&FeedQuery::default(), |_| true).await.unwrap();

        let store = &database().store;
        assert_eq!(erase(store, &alice).await, 9);
        assert_eq!(erase(store, &alice).await, 0, "it can be repeated");

        let mut deletions = BTreeSet::new();
        let query = FeedQuery { since: Some(first.next), ..FeedQuery::default() };
        let take = |entry: &FeedEntry| {
            assert!(matches!(entry, FeedEntry::Deletion { .. }), "{entry:?}");
            deletions.insert(entry.id());
            true
        };
        mine.changes(&query, take).await.unwrap();
        assert!(deletions.contains(&at_id));
        // Not of the one that was a tombstone before, and of the expired one.
        assert_eq!(deletions.len(), 8);
        let items = scan_all().await;
        assert!(!items.iter().any(|item| item.contains("SECRET") && !item.contains(bob.id())));
        assert!(!items.iter().any(|item| item.contains(&expired.id.to_string())));
        assert_eq!(theirs.get(kept.id).await.unwrap(), kept);
        // The id can be used again.
        let again = mine.create_at(at_id, NewTask::titled("again")).await.unwrap();
        assert!(!again.replayed);
    });
}

#[test]
fn an_import_replaces_nothing_and_leaves_out_what_has_left_the_trash() {
    with_user(async |store, user| {
        let (store, now) = (store.tasks(&user), Timestamp::now());
        let existing = store.create(NewTask::titled("as it is"), None).await.unwrap().task;
        let other = Task { title: "another".to_owned(), ..existing.clone() };
        assert_eq!(store.import(other).await.unwrap(), Imported::Existing);
        assert_eq!(store.get(existing.id).await.unwrap(), existing);
        store.delete(existing.id, &Precondition::Exists).await.unwrap();
        let again = store.import(existing.clone()).await.unwrap();
        assert_eq!(again, Imported::Existing, "it is in the trash");

        let task = |deleted_at| Task {
            deleted_at: Some(deleted_at),
            ..Task::with_id(TaskId::new(), "somebody", NewTask::titled("t"))
        };
        let late = Timestamp::from_system_time(SystemTime::now() - TRASH);
        assert_eq!(store.import(task(late)).await.unwrap(), Imported::Expired);
        assert_eq!(store.import(task(now)).await.unwrap(), Imported::Stored);
        assert_eq!(exported(&user).await.len(), 2);
    });
}

#[test]
fn an_import_of_the_same_file_twice_stores_its_tasks_once() {
    database().runtime.block_on(async {
        let user = new_user().await;
        let task = || Task::with_id(TaskId::new(), "x", NewTask::titled("t"));
        let tasks: Vec<Task> = (0..60).map(|_| task()).collect();
        for expected in [(60, 0), (0, 60)] {
            let Totals { stored, existing, expired } =
                import::import(&database().store, &user, tasks.clone(), |_| {}).await.unwrap();
            assert_eq!(((stored, existing), expired), (expected, 0));
        }
    });
}

#[test]
fn an_export_passes_over_tombstones_in_few_requests() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        let task = |_| Task::with_id(TaskId::new(), counted.user.id(), NewTask::titled("t"));
        let tasks: Vec<Task> = (0..100).map(task).collect();
        database().store.tasks(&counted.user).insert_all(&tasks).await.unwrap();
        let user = &counted.user;
        let (all, usage) =
            counted.cost_of_many(async |store| export(store, user, None).await).await;
        assert_eq!((all.len(), usage.requests, usage.items), (1, 1, 100));
        let (_, usage) = counted.cost_of_many(async |store| erase(store, user).await).await;
        assert_eq!(usage.requests, 101);
        let tasks = database().store.tasks(user);
        tasks.create(NewTask::titled("last"), None).await.unwrap();
        let (pages, usage) =
            counted.cost_of_many(async |store| export(store, user, Some(1)).await).await;
        assert_eq!(pages.concat().len(), 1);
        assert!(usage.requests <= 2, "{}", usage.requests);
    });
}
