//! Updates of items whose condition fails the first attempt: written by a clock that is
//! ahead, in a later epoch, or with a full set of ids.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use local::TASKS_TABLE;
use shared::store::Tasks;
use shared::task::{
    Change, DueChange, NewTask, Precondition, Priority, Task, TaskChanges, Timestamp, Toggle,
};

use crate::{database, new_user};

const EPOCH_MILLIS: i64 = 17_000;

/// Creates a task and sets `attributes` in its item.
async fn task_with(tasks: &Tasks<'_>, attributes: &[(&str, AttributeValue)]) -> Task {
    let new = NewTask::titled("t");
    let task = tasks.create(new, None).await.unwrap().task;
    let mut update = database()
        .client
        .update_item()
        .table_name(TASKS_TABLE)
        .key("user_id", AttributeValue::S(task.user_id.clone()))
        .key("task_id", AttributeValue::S(task.id.to_string()));
    let mut set = Vec::new();
    for (name, value) in attributes {
        set.push(format!("{name} = :{name}"));
        update = update.expression_attribute_values(format!(":{name}"), value.clone());
    }
    update.update_expression(format!("SET {}", set.join(", "))).send().await.unwrap();
    task
}

/// Runs every kind of update, each on its own task with these attributes.
async fn each_update(attributes: &[(&str, AttributeValue)]) -> Vec<Task> {
    let user = new_user().await;
    let tasks = database().store.tasks(&user);
    let nothing = TaskChanges::default;
    let changes = [
        TaskChanges { title: Some("T".into()), ..nothing() },
        TaskChanges { description: Change::Clear, ..nothing() },
        TaskChanges { priority: Change::Set(Priority::Low), ..nothing() },
        TaskChanges { due: DueChange::Clear, ..nothing() },
        TaskChanges { completed: Some(false), ..nothing() },
        TaskChanges { completed: Some(true), title: Some("T".into()), ..nothing() },
    ];
    let exists = Precondition::Exists;
    let mut updated = Vec::new();
    for changes in changes {
        let task = task_with(&tasks, attributes).await;
        updated.push(tasks.update(task.id, changes, &exists).await.unwrap());
    }
    for toggle in [Toggle::Flip, Toggle::Set(true), Toggle::Set(false)] {
        let task = task_with(&tasks, attributes).await;
        updated.push(tasks.toggle(task.id, toggle, &exists).await.unwrap());
    }
    updated
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The current epoch plus `later`.
fn epoch(later: i64) -> AttributeValue {
    number(Timestamp::now().unix_millis() / EPOCH_MILLIS + later)
}

#[test]
fn a_task_that_was_written_by_a_clock_an_hour_ahead_keeps_its_time() {
    database().runtime.block_on(async {
        let in_an_hour = Timestamp::now().after_seconds(3600).unwrap();
        let ahead = AttributeValue::S(in_an_hour.to_string());
        let attributes = [("updated_at", ahead), ("epoch", epoch(3600 / 17))];
        for task in each_update(&attributes).await {
            assert_eq!(task.updated_at, in_an_hour);
            assert_eq!(task.completed_at, task.completed.then_some(in_an_hour));
        }
    });
}

#[test]
fn a_task_of_a_later_epoch_is_updated_in_that_epoch() {
    database().runtime.block_on(async {
        for later in 1..4 {
            assert_eq!(each_update(&[("epoch", epoch(later))]).await.len(), 9);
        }
    });
}

#[test]
fn a_task_with_full_sets_of_ids_is_updated_in_the_next_epoch() {
    database().runtime.block_on(async {
        let full =
            || AttributeValue::Bs((0..128_u64).map(|id| Blob::new(id.to_be_bytes())).collect());
        let sets = ["done_0", "done_1", "done_2"].map(|name| (name, full()));
        // An update clears the set after its own, so all three are never full.
        for count in 1..=2 {
            assert_eq!(each_update(&sets[..count]).await.len(), 9);
        }
    });
}
