//! One user of a soak. It sends one request after the other and checks the replies.

mod account;
mod batch;
mod device;
mod stored;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use local::settings::Settings;
use local::{DAY, token};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use shared::User;
use shared::store::Store;
use shared::task::{ListQuery, Sort, Status, TaskId};

use super::Report;
use crate::endpoint::Endpoint;
use device::Device;

/// The maximum number of tasks of a user.
const MOST_TASKS: usize = 30;

/// How often a create with a key is sent before the user gives up.
const MOST_REPEATS: usize = 50;

pub(super) struct SoakUser {
    api: String,
    authorization: String,
    http: Client,
    user: User,
    store: Store,
    report: Arc<Report>,
    /// The tasks as they were last acknowledged.
    tasks: BTreeMap<String, Value>,
    /// Those in the trash, as they were before they were deleted.
    trash: BTreeMap<String, Value>,
    device: Device,
    created: u64,
    /// How many random requests were sent, and at the start the number of the user.
    steps: u64,
}

/// How many kinds of random requests there are.
const KINDS: u64 = 18;

impl SoakUser {
    pub(super) async fn new(
        api: String,
        settings: &Settings,
        number: usize,
        store: Store,
        report: Arc<Report>,
    ) -> Result<SoakUser> {
        let name = format!("soak-{number}");
        let token = token::sign(settings, None, &name, DAY)?;
        Ok(SoakUser {
            api,
            authorization: format!("Bearer {token}"),
            http: Client::builder().timeout(Duration::from_secs(60)).build()?,
            user: token::user(settings, &name).await?,
            store,
            report,
            tasks: BTreeMap::new(),
            trash: BTreeMap::new(),
            device: Device::default(),
            created: 0,
            steps: 2 * number as u64,
        })
    }

    /// Sends one random request.
    pub(super) async fn step(&mut self) -> Result<()> {
        if self.tasks.is_empty() || (self.tasks.len() < MOST_TASKS && fastrand::u8(0..5) == 0) {
            return self.create().await;
        }
        let Some(id) = fastrand::choice(self.tasks.keys()).cloned() else { return Ok(()) };
        self.steps += 1;
        // The users begin at different ones, so that even a short soak does all of them.
        let kind =
            if self.steps < 2 * KINDS { self.steps % KINDS } else { fastrand::u64(0..KINDS) };
        match kind {
            0 => self.list().await,
            1 => self.get(&id).await,
            10 => self.read(&id).await,
            2 => self.delete(&id).await,
            11 => self.restore(&id).await,
            12 | 13 => self.poll().await.map(drop),
            14 => self.batch().await,
            15 => self.export().await,
            17 => self.tools(&id).await,
            // Rarely: it leaves nothing to do for the others.
            16 if self.steps < 2 * KINDS || fastrand::u8(0..4) == 0 => self.erase().await,
            3..=5 => self.update(&id).await,
            6 | 7 => self.toggle(&id, None).await,
            _ => self.toggle(&id, Some(fastrand::bool())).await,
        }
    }

    async fn create(&mut self) -> Result<()> {
        self.created += 1;
        let body = json!({"title": format!("task {}", self.created), "priority": "low"});
        let key = fastrand::bool().then(|| format!("key-{}", self.created));
        let repeats = if key.is_some() { MOST_REPEATS } else { 1 };
        for _ in 0..repeats {
            let response = self
                .send("create-task", Method::POST, "/api/tasks", key.as_deref(), Some(&body))
                .await?;
            if response.status() == 201 {
                let task: Value = response.json().await?;
                let id = task["id"].as_str().context("a task without an id")?.to_owned();
                self.tasks.insert(id, task);
                return Ok(());
            }
            self.expect_unknown("create-task", &response);
        }
        // The task may have been created, but only once.
        let mut found = self.stored(&ListQuery::default()).await?;
        found.retain(|task| task["title"] == body["title"]);
        if found.len() > 1 || key.is_some() {
            let what = format!("{} tasks from one create (key: {key:?})", found.len());
            self.report.violation(what);
        }
        for task in found {
            self.tasks.insert(task["id"].as_str().unwrap_or_default().to_owned(), task);
        }
        Ok(())
    }

    async fn update(&mut self, id: &str) -> Result<()> {
        let mut changes = json!({});
        let at = "2027-02-10T00:00:00.000Z";
        let day = json!({"date": "2027-02-10", "at": at});
        let in_berlin =
            json!({"local": "2027-02-10T01:00:00", "time_zone": "Europe/Berlin", "at": at});
        for (field, values) in [
            ("title", [json!("changed"), json!("Äpfel"), json!("zebra")]),
            ("description", [json!("text"), json!(null), json!("\u{1f44b}")]),
            ("priority", [json!("high"), json!(null), json!("medium")]),
            ("due", [day, in_berlin, json!(null)]),
        ] {
            if fastrand::bool() {
                changes[field] = fastrand::choice(values).unwrap_or_default();
            }
        }
        let mut after = self.tasks[id].clone();
        for (field, value) in changes.as_object().into_iter().flatten() {
            after[field] = value.clone();
        }
        if let Some(due) = changes.get("due") {
            after["due_date"] = due["at"].clone();
            if due.is_null() {
                after.as_object_mut().context("a task")?.remove("due");
            }
        }
        self.write("update-task", Method::PUT, id, "", Some(changes), after).await
    }

    async fn toggle(&mut self, id: &str, set: Option<bool>) -> Result<()> {
        let mut after = self.tasks[id].clone();
        let completed = set.unwrap_or(after["completed"] == false);
        if after["completed"] != completed {
            after["completed"] = json!(completed);
            after["completed_at"] = json!(completed.then_some("now"));
        }
        let operation = if set.is_some() { "toggle-task, set" } else { "toggle-task, flip" };
        let body = set.map(|completed| json!({ "completed": completed }));
        self.write(operation, Method::PATCH, id, "/complete", body, after).await
    }

    /// Sends a write that turns the task into `after`. If the outcome is unknown, the task
    /// may also be unchanged.
    async fn write(
        &mut self,
        operation: &'static str,
        method: Method,
        id: &str,
        suffix: &str,
        body: Option<Value>,
        after: Value,
    ) -> Result<()> {
        let path = format!("/api/tasks/{id}{suffix}");
        let response = self.send(operation, method, &path, None, body.as_ref()).await?;
        let task = if response.status() == 200 {
            let task: Value = response.json().await?;
            if !is_as_expected(&task, &after) {
                self.report.violation(format!("{operation}: {task} is not {after}"));
            }
            task
        } else {
            self.expect_unknown(operation, &response);
            let Some(task) = self.stored_task(id).await? else {
                self.report.violation(format!("{operation}: {id} is gone"));
                self.tasks.remove(id);
                return Ok(());
            };
            if task != self.tasks[id] && !is_as_expected(&task, &after) {
                let before = &self.tasks[id];
                let what = format!("{operation}: {task} is neither {before} nor {after}");
                self.report.violation(what);
            }
            task
        };
        self.tasks.insert(id.to_owned(), task);
        Ok(())
    }

    async fn delete(&mut self, id: &str) -> Result<()> {
        let for_good = fastrand::u8(0..4) == 0;
        let query = if for_good { "?permanent=true" } else { "" };
        let path = format!("/api/tasks/{id}{query}");
        let response = self.send("delete-task", Method::DELETE, &path, None, None).await?;
        let stored = if response.status() == 204 {
            None
        } else {
            self.expect_unknown("delete-task", &response);
            self.stored_task(id).await?
        };
        match stored {
            None => {
                let deleted = self.tasks.remove_entry(id);
                self.trash.extend(deleted.filter(|_| !for_good));
            }
            Some(task) if task == self.tasks[id] => {}
            Some(task) => self.report.violation(format!("delete-task: the task is now {task}")),
        }
        Ok(())
    }

    /// Restores a task from the trash or, if that is empty, the living task `id`.
    async fn restore(&mut self, id: &str) -> Result<()> {
        let deleted = fastrand::choice(self.trash.keys()).cloned();
        let id = deleted.unwrap_or_else(|| id.to_owned());
        let path = format!("/api/tasks/{id}/restore");
        let response = self.send("restore-task", Method::POST, &path, None, None).await?;
        let task = if response.status() == 200 {
            Some(response.json().await?)
        } else {
            self.expect_unknown("restore-task", &response);
            self.stored_task(&id).await?
        };
        let before = self.trash.get(&id).or(self.tasks.get(&id)).cloned().unwrap_or_default();
        match task {
            Some(task) if is_as_expected(&task, &before) => {
                self.trash.remove(&id);
                self.tasks.insert(id, task);
            }
            None if self.trash.contains_key(&id) => {}
            other => self.report.violation(format!("restore-task: {other:?} is not {before}")),
        }
        Ok(())
    }

    async fn get(&mut self, id: &str) -> Result<()> {
        let path = format!("/api/tasks/{id}");
        let response = self.send("get-task", Method::GET, &path, None, None).await?;
        if response.status() == 200 {
            let task: Value = response.json().await?;
            if task != self.tasks[id] {
                self.report.violation(format!("get-task: {task} is not {}", self.tasks[id]));
            }
        } else {
            self.expect_unavailable("get-task", &response);
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<()> {
        let sort = fastrand::choice(["created", "title", "due_date"]).unwrap_or_default();
        let path = format!("/api/tasks?sort={sort}");
        let response = self.send("list-tasks", Method::GET, &path, None, None).await?;
        if response.status() == 200 {
            let tasks: Vec<Value> = response.json().await?;
            self.compare_with("list-tasks", tasks);
        } else {
            self.expect_unavailable("list-tasks", &response);
        }
        Ok(())
    }

    /// Sends a request to each endpoint that reads, and compares nothing.
    async fn read(&mut self, id: &str) -> Result<()> {
        let task = TaskId::parse(id).context("an invalid id")?;
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_read()) {
            let (method, path, _) = endpoint.request(task, 0);
            let response = self.send(endpoint.function(), method, &path, None, None).await?;
            if response.status() != endpoint.expected() {
                self.expect_unavailable(endpoint.function(), &response);
            }
        }
        Ok(())
    }

    /// Compares the model with what is stored.
    pub(super) async fn compare(mut self) -> Result<()> {
        self.compare_device().await?;
        let stored = self.stored(&ListQuery::default()).await?;
        self.compare_with("at the end", stored);
        let trash =
            ListQuery { status: Status::Deleted, sort: Sort::Deleted, ..ListQuery::default() };
        let deleted = self.stored(&trash).await?;
        let known = deleted.iter().filter(|task| {
            let before = self.trash.get(task["id"].as_str().unwrap_or_default());
            let mut task = (*task).clone();
            let moment = task.as_object_mut().and_then(|members| members.remove("deleted_at"));
            moment.is_some() && before.is_some_and(|before| is_as_expected(&task, before))
        });
        let (known, knows) = (known.count(), self.trash.len());
        if known != deleted.len() || known != knows {
            self.report.violation(format!("the trash is {deleted:?} instead of {knows} tasks"));
        }
        Ok(())
    }

    fn compare_with(&self, when: &str, tasks: Vec<Value>) {
        let count = tasks.len();
        let found: BTreeMap<String, Value> = tasks
            .into_iter()
            .map(|task| (task["id"].as_str().unwrap_or_default().to_owned(), task))
            .collect();
        if found != self.tasks || count != found.len() {
            let (has, knows) = (found.len(), self.tasks.len());
            self.report.violation(format!("{when}: {has} tasks are not the {knows} known ones"));
        }
    }

    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Response> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.api))
            .header("authorization", &self.authorization);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        self.report.count(operation, response.status().as_u16());
        Ok(response)
    }

    /// A write may fail with 503, or with the gateway's 500 if its function was killed. Then
    /// its outcome is unknown.
    fn expect_unknown(&self, operation: &str, response: &Response) {
        self.report.unknown.fetch_add(1, Ordering::Relaxed);
        self.expect_unavailable(operation, response);
    }

    fn expect_unavailable(&self, operation: &str, response: &Response) {
        // 409: another transaction is in progress.
        let is_retryable = [409, 503].contains(&response.status().as_u16())
            && response.headers().contains_key("retry-after");
        let kills = self.report.kills.load(Ordering::Relaxed) > 0;
        let is_killed = kills && is_from_gateway(response);
        if !is_retryable && !is_killed {
            self.report.violation(format!("{operation}: the status is {}", response.status()));
        }
    }
}

/// Whether the gateway sent the reply, because the function crashed. A function would send a
/// problem document.
fn is_from_gateway(response: &Response) -> bool {
    let content_type = response.headers().get("content-type");
    response.status() == 500 && content_type.is_some_and(|value| value == "application/json")
}

/// Whether `task` equals `expected`, apart from the times of the write.
fn is_as_expected(task: &Value, expected: &Value) -> bool {
    let mut expected = expected.clone();
    expected["updated_at"] = task["updated_at"].clone();
    if expected["completed_at"] == "now" {
        expected["completed_at"] = task["updated_at"].clone();
    }
    *task == expected
}
