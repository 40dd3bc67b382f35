//! A table that was filled by the previous version keeps working.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use local::dynamodb::{Data, EmbeddedDynamoDb};
use local::settings::Settings;
use local::{IDEMPOTENCY_TABLE, TASKS_TABLE, tables, token};
use shared::store::title_key;
use shared::task::{
    Due, IdempotencyKey, ListQuery, NewTask, Precondition, Priority, Sort, TaskId, Timestamp,
    Toggle,
};

use crate::{database, ids, new_user};

const IDS: [&str; 2] =
    ["01a1f97f-8dbf-7046-a6ea-e1ff4e8cb1c5", "01a1f97f-8dcd-764f-a070-5bc255dc3805"];

/// Two tasks of `user` as functions of the previous version stored them: one that was
/// edited, and one that was flipped.
fn items(user: &str) -> [HashMap<String, AttributeValue>; 2] {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let item = |id: &str, title: &str, due: &str, completed: &str| {
        HashMap::from([
            ("user_id".to_owned(), text(user)),
            ("task_id".to_owned(), text(id)),
            ("title".to_owned(), text(title)),
            ("title_key".to_owned(), AttributeValue::B(Blob::new(title_key(title)))),
            ("due_key".to_owned(), text(due)),
            ("completed".to_owned(), number(completed)),
            ("updated_at".to_owned(), text("2026-11-20T15:07:28.702Z")),
            ("revision".to_owned(), text("943e90f6-56b8-4756-aad9-ddf53a5d978c")),
        ])
    };
    let mut edited = item(IDS[0], "b", "2027-02-10T00:00:00.000Z", "0");
    edited.insert("title_changed".to_owned(), number("1795187248702"));
    edited.insert("due_changed".to_owned(), number("1795187248702"));
    let mut flipped = item(IDS[1], "a", "~", "1");
    flipped.insert("flipped_from".to_owned(), number("0"));
    flipped.insert("flipped_at".to_owned(), text("2026-11-20T15:07:28.702Z"));
    [edited, flipped]
}

#[test]
fn a_table_of_the_previous_version_gets_its_new_indexes_and_serves_its_tasks() {
    database().runtime.block_on(async {
        let embedded = EmbeddedDynamoDb::start(0, &Data::Memory).unwrap();
        let client = tables::client(&embedded.url());
        let today = Settings::default().template().unwrap().tables;
        let mut before = today.clone();
        for table in &mut before {
            let is_new = |name: &str| name.starts_with("all_by_");
            table.global_secondary_indexes.retain(|index| !is_new(&index.index_name));
        }
        tables::create(&client, &before).await.unwrap();
        let user = new_user().await;
        for item in items(user.id()) {
            client.put_item().table_name(TASKS_TABLE).set_item(Some(item)).send().await.unwrap();
        }
        tables::create(&client, &today).await.unwrap();
        // A second run changes nothing.
        tables::create(&client, &today).await.unwrap();

        let store = tables::store(client);
        let tasks = store.tasks(&user);
        let [edited, flipped] = IDS.map(|id| TaskId::parse(id).unwrap());
        for sort in [Sort::Title, Sort::DueDate] {
            let query = ListQuery { sort, ..ListQuery::default() };
            let mut listed = ids(&tasks, &query).await.concat();
            listed.sort();
            assert_eq!(listed, [edited, flipped], "{sort:?}");
        }
        let task = tasks.get(flipped).await.unwrap();
        assert_eq!(task.completed_at, Timestamp::parse("2026-11-20T15:07:28.702Z"));
        let exists = Precondition::Exists;
        for completed in [true, false] {
            let task = tasks.toggle(edited, Toggle::Flip, &exists).await.unwrap();
            assert_eq!(task.completed, completed);
        }
    });
}

#[test]
fn a_key_recorded_by_the_previous_version_is_replayed() {
    let database = database();
    database.runtime.block_on(async {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let in_a_day = Timestamp::now().unix_millis() / 1000 + 86_400;
        let record = HashMap::from([
            // Of the user `keeper` and the key `k-1`.
            ("key".to_owned(), text("dHmB9lG0MoJmcRAo7AmDNE87GXrWqOLVh8Qvtqqenu4")),
            ("body_hash".to_owned(), text("5ocO6XhriGIQkSK3tkpfeLhmr89Y7KRzSccwW60rAUQ")),
            ("task_id".to_owned(), text(IDS[0])),
            ("revision".to_owned(), text("943e90f6-56b8-4756-aad9-ddf53a5d978c")),
            ("expires_at".to_owned(), AttributeValue::N(in_a_day.to_string())),
        ]);
        let put = database.client.put_item().table_name(IDEMPOTENCY_TABLE);
        put.set_item(Some(record)).send().await.unwrap();
        let new = NewTask {
            description: Some("\u{1f44b}".into()),
            priority: Some(Priority::High),
            due: Due::parse("2027-02-10"),
            ..NewTask::titled("Buy milk")
        };
        let user = token::user(&Settings::default(), "keeper").await.unwrap();
        let key = IdempotencyKey::parse("k-1");
        let created = database.store.tasks(&user).create(new, key.as_ref()).await.unwrap();
        assert!(created.replayed);
        assert_eq!(created.task.id.to_string(), IDS[0]);
    });
}
