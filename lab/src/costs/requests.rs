//! The requests that are measured.

use std::fs;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use local::event_tasks::{DELETED_TASK, TASK, USER};
use local::settings::{Settings, repository};
use local::{seed, tables, token};
use serde_json::{Value, json};
use shared::task::{FeedQuery, NewTask, Task, TaskId, Timestamp};

use super::WARM;
use super::budget::Budget;

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
    query: Option<String>,
    /// How many requests of a warm process are measured.
    pub(super) warm: u32,
    /// Whether it asks for the changes since a moment ago, of which there are none.
    is_idle_poll: bool,
    /// How many new tasks each request creates in one batch.
    batch: u32,
    /// How many tasks the user has besides those of the events: more than a page.
    pub(super) tasks: u32,
    /// Whether an issuer's key set verifies the tokens.
    pub(super) has_key_set: bool,
    pub(super) budget: Budget,
}

/// All requests that are measured.
#[must_use]
#[rustfmt::skip]
pub fn measured_requests() -> Vec<MeasuredRequest> {
    let request = |function, status, budget| MeasuredRequest {
        name: function,
        function,
        status,
        query: None,
        warm: WARM,
        is_idle_poll: false,
        batch: 0,
        tasks: 60,
        has_key_set: false,
        budget,
    };
    let list = |name, query: &str, tasks, budget| MeasuredRequest {
        name,
        query: Some(query.to_owned()),
        tasks,
        ..request(function_of(name), 200, budget)
    };
    vec![
        request("get-task", 200, Budget { size: 5_620, memory: 9, init: 3_900, first: 940, warm: 820, init_unwarmed: 1_600, first_unwarmed: 3_550 }),
        request("create-task", 201, Budget { size: 6_440, memory: 9, init: 3_900, first: 960, warm: 850, init_unwarmed: 1_600, first_unwarmed: 3_550 }),
        request("update-task", 200, Budget { size: 6_650, memory: 9, init: 3_900, first: 1_050, warm: 920, init_unwarmed: 1_600, first_unwarmed: 3_650 }),
        request("toggle-task", 200, Budget { size: 5_960, memory: 9, init: 3_900, first: 1_000, warm: 880, init_unwarmed: 1_600, first_unwarmed: 3_600 }),
        request("delete-task", 204, Budget { size: 6_040, memory: 9, init: 3_900, first: 1_000, warm: 890, init_unwarmed: 1_600, first_unwarmed: 3_600 }),
        request("restore-task", 200, Budget { size: 5_960, memory: 9, init: 3_900, first: 1_000, warm: 880, init_unwarmed: 1_600, first_unwarmed: 3_600 }),
        list("list-tasks, 20 newest", "limit=20", 60, Budget { size: 6_140, memory: 9, init: 3_900, first: 1_950, warm: 1_830, init_unwarmed: 1_600, first_unwarmed: 4_580 }),
        list("list-tasks, 20 by title", "sort=title&limit=20", 60, Budget { size: 6_140, memory: 9, init: 3_900, first: 2_110, warm: 2_000, init_unwarmed: 1_600, first_unwarmed: 4_750 }),
        // Each of these takes a second under callgrind.
        MeasuredRequest { warm: 20, ..list("list-tasks, 1,000 by title", "sort=title&limit=1000", 1_100, Budget { size: 6_140, memory: 12, init: 3_900, first: 58_300, warm: 58_200, init_unwarmed: 1_600, first_unwarmed: 60_900 }) },
        MeasuredRequest {
            name: "list-changes, none",
            is_idle_poll: true,
            ..request("list-changes", 200, Budget { size: 5_620, memory: 9, init: 3_900, first: 940, warm: 820, init_unwarmed: 1_600, first_unwarmed: 3_550 })
        },
        MeasuredRequest {
            name: "list-changes, 60",
            query: Some("limit=60".to_owned()),
            ..request("list-changes", 200, Budget { size: 5_620, memory: 9, init: 3_900, first: 4_500, warm: 4_500, init_unwarmed: 1_600, first_unwarmed: 7_000 })
        },
        MeasuredRequest {
            name: "batch-tasks, 1 create",
            batch: 1,
            ..request("batch-tasks", 200, Budget { size: 6_790, memory: 9, init: 3_900, first: 985, warm: 865, init_unwarmed: 1_600, first_unwarmed: 3_600 })
        },
        MeasuredRequest {
            // More of them take so long under callgrind that a batch gives up. How many of its
            // eight connections the first one opens depends on timing; each takes 1.3 M.
            name: "batch-tasks, 25 creates",
            batch: 25,
            warm: 40,
            ..request("batch-tasks", 200, Budget { size: 6_790, memory: 10, init: 3_900, first: 38_000, warm: 16_200, init_unwarmed: 1_600, first_unwarmed: 44_000 })
        },
        list("export-tasks, 60 as JSON", "format=json&limit=60", 60, Budget { size: 6_080, memory: 9, init: 3_900, first: 4_250, warm: 4_120, init_unwarmed: 1_600, first_unwarmed: 6_870 }),
        list("export-tasks, 60 as CSV", "format=csv&limit=60", 60, Budget { size: 6_080, memory: 9, init: 3_900, first: 3_860, warm: 3_750, init_unwarmed: 1_600, first_unwarmed: 6_490 }),
        list("export-tasks, 60 as iCalendar", "format=ics&limit=60", 60, Budget { size: 6_080, memory: 9, init: 3_900, first: 6_110, warm: 6_020, init_unwarmed: 1_600, first_unwarmed: 8_700 }),
        MeasuredRequest {
            name: "mcp, 50 found",
            ..request("mcp", 200, Budget { size: 7_020, memory: 9, init: 3_900, first: 3_130, warm: 3_040, init_unwarmed: 1_600, first_unwarmed: 5_760 })
        },
        MeasuredRequest {
            name: "erase-tasks, nothing",
            tasks: 0,
            ..request("erase-tasks", 204, Budget { size: 6_090, memory: 9, init: 3_900, first: 1_000, warm: 900, init_unwarmed: 1_600, first_unwarmed: 3_600 })
        },
        MeasuredRequest {
            name: "get-task, key set",
            has_key_set: true,
            ..request("get-task", 200, Budget { size: 5_620, memory: 9, init: 4_050, first: 1_600, warm: 1_450, init_unwarmed: 1_750, first_unwarmed: 4_150 })
        },
        request("docs", 200, Budget { size: 2_370, memory: 6, init: 550, first: 240, warm: 220, init_unwarmed: 550, first_unwarmed: 240 }),
        request("health", 200, Budget { size: 1_800, memory: 5, init: 550, first: 210, warm: 200, init_unwarmed: 550, first_unwarmed: 210 }),
    ]
}

/// The function of a request with this name.
fn function_of(name: &'static str) -> &'static str {
    name.split(',').next().unwrap_or(name)
}

impl MeasuredRequest {
    /// Whether the function uses DynamoDB.
    #[must_use]
    pub fn has_store(&self) -> bool {
        !matches!(self.function, "docs" | "health")
    }

    /// The maximum number of threads: one that works, and one for each connection that is
    /// opened at the same time, which looks up the host name.
    pub(super) fn most_threads(&self) -> u64 {
        if self.batch > 1 { 9 } else { 2 }
    }

    /// Whether each request writes a different task: a task can be deleted only once, and
    /// hundreds of updates within seconds would make a task grow.
    fn has_tasks_of_its_own(&self) -> bool {
        matches!(self.function, "update-task" | "toggle-task" | "delete-task" | "restore-task")
    }

    /// Stores the tasks that the requests need besides those of the events, and begins to
    /// follow the changes.
    pub(super) async fn prepare(&mut self, client: &Client, settings: &Settings) -> Result<()> {
        let user = token::user(settings, USER).await?;
        let store = tables::store(client.clone());
        if self.is_idle_poll {
            let all = FeedQuery::default();
            let page = store.tasks(&user).changes(&all, |_| true).await?;
            self.query = Some(format!("since={}", page.next));
        }
        if self.function == "erase-tasks" {
            // Otherwise the first request would do more than the others.
            while store.tasks(&user).erase(None).await?.remaining {}
        }
        if !self.has_tasks_of_its_own() {
            return Ok(());
        }
        let deleted_at = (self.function == "restore-task").then(Timestamp::now);
        let tasks = (0..=WARM).map(|number| {
            let new = NewTask::titled("Water the plants");
            anyhow::Ok(Task { deleted_at, ..Task::with_id(written(number)?, USER, new) })
        });
        let tasks = tasks.collect::<Result<Vec<_>>>()?;
        Ok(store.tasks(&user).insert_all(&tasks).await?)
    }

    /// The event of request number `number`. `token` replaces the event's own token.
    pub(super) fn event(&self, number: u32, token: Option<&str>) -> Result<Bytes> {
        let path = repository().join("events").join(format!("{}.json", self.function));
        let mut text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if self.has_tasks_of_its_own() {
            let task = written(number)?.to_string();
            text = text.replace(TASK, &task).replace(DELETED_TASK, &task);
        }
        let mut event: Value = serde_json::from_str(&text)?;
        if self.batch > 0 {
            event["body"] = json!(self.operations(number)?.to_string());
        }
        if let Some(query) = &self.query {
            event["rawQueryString"] = json!(query);
        }
        if let Some(token) = token {
            event["headers"]["authorization"] = json!(format!("Bearer {token}"));
        }
        Ok(Bytes::from(serde_json::to_vec(&event)?))
    }

    /// The body of batch number `number`.
    fn operations(&self, number: u32) -> Result<Value> {
        let create = |task| {
            let task = json!({"id": written(number * self.batch + task)?, "op": "create",
                "task": {"title": "Water the plants", "due_date": "2027-02-10"}});
            anyhow::Ok(task)
        };
        let operations = (0..self.batch).map(create).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "operations": operations }))
    }
}

/// The task that write number `number` updates or deletes.
fn written(number: u32) -> Result<TaskId> {
    let created_at = Timestamp::parse("2026-01-01").context("a date")?;
    let mut bits = [0; 10];
    bits[..4].copy_from_slice(&number.to_be_bytes());
    seed::task_id(created_at, bits)
}
