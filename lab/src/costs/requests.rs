//! The requests that are measured.

use std::fs;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use local::event_tasks::{TASK, USER};
use local::settings::{Settings, repository};
use local::{seed, tables, token};
use serde_json::{Value, json};
use shared::task::{NewTask, Task, TaskId, Timestamp};

use super::WARM;

/// A kind of request to one function.
#[derive(Clone, Debug)]
pub struct MeasuredRequest {
    /// Its name in the tables.
    pub name: &'static str,
    /// The function.
    pub function: &'static str,
    /// The expected status.
    pub(super) status: u16,
    /// Replaces the query of the event.
    query: Option<&'static str>,
    /// How many tasks the user has besides those of the events: more than a page.
    pub(super) tasks: u32,
    /// Whether an issuer's key set verifies the tokens.
    pub(super) has_key_set: bool,
}

/// All requests that are measured.
#[must_use]
pub fn measured_requests() -> Vec<MeasuredRequest> {
    let request = |name, function, status| MeasuredRequest {
        name,
        function,
        status,
        query: None,
        tasks: 60,
        has_key_set: false,
    };
    let list = request("list-tasks, 20 newest", "list-tasks", 200);
    vec![
        request("get-task", "get-task", 200),
        request("create-task", "create-task", 201),
        request("update-task", "update-task", 200),
        request("toggle-task", "toggle-task", 200),
        request("delete-task", "delete-task", 204),
        MeasuredRequest { query: Some("limit=20"), ..list.clone() },
        MeasuredRequest {
            name: "list-tasks, 20 by title",
            query: Some("sort=title&limit=20"),
            ..list.clone()
        },
        MeasuredRequest {
            name: "list-tasks, 1,000 by title",
            query: Some("sort=title&limit=1000"),
            tasks: 1_100,
            ..list
        },
        MeasuredRequest { has_key_set: true, ..request("get-task, key set", "get-task", 200) },
        request("docs", "docs", 200),
        request("health", "health", 200),
    ]
}

impl MeasuredRequest {
    /// Whether the function uses DynamoDB.
    #[must_use]
    pub fn has_store(&self) -> bool {
        !matches!(self.function, "docs" | "health")
    }

    /// Whether each request writes a different task: a task can be deleted only once, and
    /// hundreds of updates within seconds would make a task grow.
    fn has_tasks_of_its_own(&self) -> bool {
        matches!(self.function, "update-task" | "toggle-task" | "delete-task")
    }

    /// Stores the tasks that the requests need besides those of the events.
    pub(super) async fn prepare(&self, client: &Client, settings: &Settings) -> Result<()> {
        if !self.has_tasks_of_its_own() {
            return Ok(());
        }
        let user = token::user(settings, USER).await?;
        let tasks = (0..=WARM).map(|number| {
            let new = NewTask {
                title: "Water the plants".to_owned(),
                description: None,
                priority: None,
                due_date: None,
            };
            anyhow::Ok(Task::with_id(written(number)?, USER, new))
        });
        let tasks = tasks.collect::<Result<Vec<_>>>()?;
        Ok(tables::store(client.clone()).tasks(&user).insert_all(&tasks).await?)
    }

    /// The event of request number `number`. `token` replaces the event's own token.
    pub(super) fn event(&self, number: u32, token: Option<&str>) -> Result<Bytes> {
        let path = repository().join("events").join(format!("{}.json", self.function));
        let mut text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if self.has_tasks_of_its_own() {
            text = text.replace(TASK, &written(number)?.to_string());
        }
        let mut event: Value = serde_json::from_str(&text)?;
        if let Some(query) = self.query {
            event["rawQueryString"] = json!(query);
        }
        if let Some(token) = token {
            event["headers"]["authorization"] = json!(format!("Bearer {token}"));
        }
        Ok(Bytes::from(serde_json::to_vec(&event)?))
    }
}

/// The task that write number `number` updates or deletes.
fn written(number: u32) -> Result<TaskId> {
    let created_at = Timestamp::parse("2026-01-01").context("a date")?;
    let mut bits = [0; 10];
    bits[..4].copy_from_slice(&number.to_be_bytes());
    seed::task_id(created_at, bits)
}
