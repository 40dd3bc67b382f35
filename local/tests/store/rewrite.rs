//! Rewriting stored tasks whose title keys are not what this version would store.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use local::dynamodb::EmbeddedDynamoDb;
use local::faults::{Fault, FaultProxy, ProxyOptions};
use local::rewrite::{PAGE, Plan, Rewrite, Totals};
use local::{TASKS_TABLE, seed, tables};
use shared::User;
use shared::store::title_key;
use shared::task::{ListQuery, Order, Precondition, Sort, Status, Task, TaskChanges};

use crate::{database, empty_tables, new_user, pages};

const USERS: u64 = 8;
const TASKS: u64 = 50;

type Items = BTreeMap<(String, String), HashMap<String, AttributeValue>>;

/// A table of its own with some users' tasks, behind a proxy.
struct Table {
    client: Client,
    proxy: FaultProxy,
    users: Vec<User>,
    state: tempfile::TempDir,
    _embedded: EmbeddedDynamoDb,
}

impl Table {
    async fn new() -> Table {
        let (embedded, client) = empty_tables().await;
        let options = ProxyOptions { is_metered: true, ..ProxyOptions::default() };
        let proxy = FaultProxy::start(embedded.url(), options).await.unwrap();
        let mut users = Vec::new();
        for _ in 0..USERS {
            let user = new_user().await;
            seed::fill(&client, &user, TASKS as u32, |_| {}).await.unwrap();
            users.push(user);
        }
        let state = tempfile::tempdir().unwrap();
        Table { client, proxy, users, state, _embedded: embedded }
    }

    /// All items, by user and id.
    async fn items(&self) -> Items {
        let pages = self.client.scan().table_name(TASKS_TABLE).into_paginator().items();
        let text = |item: &HashMap<_, AttributeValue>, name| item[name].as_s().unwrap().clone();
        let items = pages.send().collect::<Result<Vec<_>, _>>().await.unwrap();
        items.into_iter().map(|it| ((text(&it, "user_id"), text(&it, "task_id")), it)).collect()
    }

    /// Sets attributes of an item, as another program would.
    async fn set(&self, key: &(String, String), values: &[(&str, AttributeValue)]) {
        let mut update = self
            .client
            .update_item()
            .table_name(TASKS_TABLE)
            .key("user_id", AttributeValue::S(key.0.clone()))
            .key("task_id", AttributeValue::S(key.1.clone()));
        let mut set = Vec::new();
        for (name, value) in values {
            set.push(format!("{name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value.clone());
        }
        update.update_expression(format!("SET {}", set.join(", "))).send().await.unwrap();
    }

    /// Gives the tasks `keys` the title keys of another collation.
    async fn spoil<'a>(&self, keys: impl Iterator<Item = &'a (String, String)>) {
        for (number, key) in keys.enumerate() {
            let other = Blob::new((number * 7919 % 10_007).to_be_bytes());
            self.set(key, &[("title_key", AttributeValue::B(other))]).await;
        }
    }

    fn state(&self) -> PathBuf {
        self.state.path().join("state.json")
    }

    async fn open(&self, page: u16) -> Rewrite {
        let plan = Plan {
            table: TASKS_TABLE.to_owned(),
            units_per_second: 1_000_000,
            page,
            state: Some(self.state()),
        };
        Rewrite::open(tables::client(self.proxy.url()), plan).await.unwrap()
    }

    /// Rewrites the table, and returns what that did.
    async fn rewrite(&self) -> Totals {
        let rewrite = self.open(PAGE).await;
        rewrite.run().await.unwrap();
        assert!(!self.state().exists(), "nothing is left to do");
        rewrite.totals()
    }
}

#[test]
fn a_task_in_the_trash_stays_there_and_sorts_right_when_it_is_restored() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let store = tables::store(table.client.clone());
        let tasks = store.tasks(&table.users[0]);
        let all = ListQuery::default();
        let task = pages(&tasks, &all).await[0][0].clone();
        tasks.delete(task.id, &Precondition::Exists).await.unwrap();
        let before = table.items().await;
        let key = (task.user_id.clone(), task.id.to_string());
        table.set(&key, &[("was_title_key", AttributeValue::B(Blob::new([1])))]).await;
        assert_eq!(table.rewrite().await.rewritten, 1);
        assert_eq!(table.items().await, before);
        let trash = ListQuery { status: Status::Deleted, sort: Sort::Deleted, ..all };
        assert_eq!(pages(&tasks, &trash).await[0][0].id, task.id);
    });
}

#[test]
fn rewritten_tasks_are_in_order_and_otherwise_as_they_were() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let before = table.items().await;
        let spoilt = || before.keys().step_by(3);
        table.spoil(spoilt()).await;
        assert_ne!(table.items().await, before);
        let totals = table.rewrite().await;
        let all = USERS * TASKS;
        assert_eq!((totals.read, totals.rewritten), (all, all.div_ceil(3)), "{totals}");
        assert_eq!((totals.right, totals.overtaken), (all - totals.rewritten, 0), "{totals}");
        // Revision, times, ids of updates and all else included.
        assert_eq!(table.items().await, before);
        let store = tables::store(table.client.clone());
        for user in &table.users {
            let query = ListQuery { sort: Sort::Title, order: Order::Asc, ..ListQuery::default() };
            let listed = pages(&store.tasks(user), &query).await.concat();
            let key = |task: &Task| (title_key(&task.title), task.id);
            assert!(listed.is_sorted_by_key(key));
            assert_eq!(listed.len() as u64, TASKS);
        }
        assert_eq!(table.proxy.executed("UpdateItem"), totals.rewritten);
        let used = table.proxy.usage().units;
        assert_eq!(used, totals.read_units + totals.write_units, "{totals}");
    });
}

#[test]
fn a_table_that_is_right_is_only_read() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let totals = table.rewrite().await;
        let expected = Totals { write_units: 0.0, right: totals.read, rewritten: 0, ..totals };
        assert_eq!(totals, expected);
        assert_eq!(table.proxy.executed("UpdateItem"), 0);
    });
}

#[test]
fn a_dry_run_counts_what_a_rewrite_would_do() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let keys = table.items().await;
        table.spoil(keys.keys().take(5)).await;
        let before = table.items().await;
        let plan = Plan {
            table: TASKS_TABLE.to_owned(),
            units_per_second: 1_000_000,
            page: PAGE,
            state: None,
        };
        let dry = Rewrite::open(tables::client(table.proxy.url()), plan).await.unwrap();
        dry.run().await.unwrap();
        assert_eq!(table.items().await, before);
        assert_eq!(dry.totals().write_units, 0.0);
        let totals = table.rewrite().await;
        assert_eq!(totals, Totals { write_units: totals.write_units, ..dry.totals() });
    });
}

#[test]
fn an_interrupted_rewrite_goes_on_where_it_was() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let before = table.items().await;
        table.spoil(before.keys()).await;
        let all = USERS * TASKS;
        let page = 10;

        let first = table.open(page).await;
        assert!(!first.is_continued());
        let half = async {
            while first.totals().rewritten < all / 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = half => {}
            _ = first.run() => panic!("it ran to its end"),
        }
        let done = first.totals();
        drop(first);
        assert!(done.read < all, "{done}");

        let before_second = table.proxy.usage();
        let second = table.open(page).await;
        assert!(second.is_continued());
        second.run().await.unwrap();
        let totals = second.totals();
        // The pages that were not finished are read again: one of each segment at most.
        assert!(totals.read <= all - done.read + 8 * u64::from(page), "{done}, then {totals}");
        let scanned = (table.proxy.usage() - before_second).items;
        assert_eq!(scanned, totals.read);
        // What had been rewritten of them is right.
        assert!(done.rewritten + totals.rewritten <= all + 8 * 8, "{done}, then {totals}");
        assert_eq!(table.items().await, before);
        assert!(!table.state().exists());
    });
}

#[test]
fn progress_in_another_table_is_refused() {
    database().runtime.block_on(async {
        let (one, other) = (Table::new().await, Table::new().await);
        let keys = one.items().await;
        one.spoil(keys.keys()).await;
        let rewrite = one.open(5).await;
        tokio::select! {
            _ = rewrite.run() => panic!("it ran to its end"),
            () = async { while !one.state().exists() { tokio::task::yield_now().await } } => {}
        }
        let plan = Plan {
            table: TASKS_TABLE.to_owned(),
            units_per_second: 1,
            page: PAGE,
            state: Some(one.state()),
        };
        let refused = Rewrite::open(tables::client(other.proxy.url()), plan).await.unwrap_err();
        assert!(refused.to_string().contains("belongs to another table"), "{refused}");
    });
}

#[test]
fn whatever_happens_between_read_and_write_wins() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let items = table.items().await;
        let user = &table.users[0];
        let store = tables::store(table.client.clone());
        let tasks = store.tasks(user);
        let listed = pages(&tasks, &ListQuery::default()).await.concat();
        let key = |task: &Task| (user.id().to_owned(), task.id.to_string());
        let [edited, deleted, other_version, right] = &listed[..4] else { panic!("four") };
        table.spoil([key(edited), key(deleted), key(other_version)].iter()).await;
        for _ in 0..3 {
            table.proxy.faults().plan("UpdateItem", Fault::Delay);
        }
        let rewrite = table.open(PAGE).await;
        let meanwhile = async {
            while table.proxy.faults().made().get(&Fault::Delay) != Some(&3) {
                tokio::task::yield_now().await;
            }
            let exists = Precondition::Exists;
            let title = TaskChanges { title: Some("Zebra".into()), ..TaskChanges::default() };
            let edited = tasks.update(edited.id, title, &exists).await.unwrap();
            tasks.delete(deleted.id, &exists).await.unwrap();
            // A function of the version before is still at work.
            let values = [
                ("title", AttributeValue::S("Apple".into())),
                ("title_key", AttributeValue::B(Blob::new([1, 2, 3]))),
            ];
            table.set(&key(other_version), &values).await;
            edited
        };
        let (result, edited) = tokio::join!(rewrite.run(), meanwhile);
        result.unwrap();
        let totals = rewrite.totals();
        assert_eq!((totals.rewritten, totals.overtaken), (2, 1), "{totals}");
        assert_eq!(tasks.get(edited.id).await.unwrap(), edited);
        let now = table.items().await;
        let (deleted, before) = (&now[&key(deleted)], &items[&key(deleted)]);
        assert!(!deleted.contains_key("title_key"), "it does not come back");
        assert_eq!(deleted["was_title_key"], before["title_key"]);
        let stored_key = |task: &Task| now[&key(task)]["title_key"].as_b().unwrap().clone();
        assert_eq!(stored_key(&edited).into_inner(), title_key("Zebra"));
        assert_eq!(stored_key(other_version).into_inner(), title_key("Apple"));
        assert_eq!(now[&key(right)], items[&key(right)]);
    });
}

#[test]
fn throttling_and_lost_replies_only_slow_it_down() {
    database().runtime.block_on(async {
        let table = Table::new().await;
        let before = table.items().await;
        table.spoil(before.keys().take(24)).await;
        let faults = table.proxy.faults();
        for fault in [Fault::Throttle, Fault::Error, Fault::Cut] {
            faults.plan("Scan", fault);
        }
        for fault in [Fault::Throttle, Fault::LostReply, Fault::Garbage, Fault::Drop] {
            faults.plan("UpdateItem", fault);
        }
        let totals = table.rewrite().await;
        assert_eq!((totals.rewritten, totals.overtaken), (24, 0), "{totals}");
        assert_eq!(table.items().await, before);
        assert_eq!(faults.made().values().sum::<u64>(), 7);
    });
}
