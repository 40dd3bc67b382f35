//! The tasks that the files in `events/` refer to.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use shared::task::{Due, NewTask, Priority, Task, TaskId, Timestamp};

use crate::settings::Settings;
use crate::tables;
use crate::token;

/// The user whose token is in the events.
pub const USER: &str = "events-user";

/// The task of [`USER`] that the events read, change and delete.
pub const TASK: &str = "01a1f82f-1e80-7000-8000-00000000000a";

/// A task of [`USER`] that is in the trash, and older than all others.
pub const DELETED_TASK: &str = "016f5e66-e800-7000-8000-00000000000c";

/// A user whose task the events must not reach.
pub const OTHER_USER: &str = "events-other-user";

/// The task of [`OTHER_USER`].
pub const OTHER_TASK: &str = "01a1f82f-1e80-7000-8000-00000000000b";

/// Stores the tasks in their original state.
///
/// # Errors
///
/// If DynamoDB rejects them.
pub async fn load(client: &Client, settings: &Settings) -> Result<()> {
    let store = tables::store(client.clone());
    let now = Timestamp::now();
    for (user, id, title, deleted_at) in [
        (USER, TASK, "Water the plants", None),
        (USER, DELETED_TASK, "Mow the lawn", Some(now)),
        (OTHER_USER, OTHER_TASK, "Somebody else's task", None),
    ] {
        let new = NewTask {
            priority: Some(Priority::Medium),
            due: Due::parse("2027-02-10"),
            ..NewTask::titled(title)
        };
        let id = TaskId::parse(id).context("the id of an event task")?;
        let task = Task { deleted_at, ..Task::with_id(id, user, new) };
        store.tasks(&token::user(settings, user).await?).insert(&task).await?;
    }
    Ok(())
}
