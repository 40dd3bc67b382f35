//! Batches of a user.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use shared::task::TaskId;

use super::{MOST_REPEATS, MOST_TASKS, SoakUser, is_as_expected};

/// The most operations in a batch of a soak.
const MOST: usize = 8;

/// An operation, and the task as it is afterwards; `None` if it is deleted.
struct Planned {
    id: String,
    operation: Value,
    after: Option<Value>,
}

impl SoakUser {
    /// Sends some writes of different tasks at once, all of them again until each has
    /// succeeded.
    pub(super) async fn batch(&mut self) -> Result<()> {
        let planned = self.plan();
        let operations: Vec<_> = planned.iter().map(|it| &it.operation).collect();
        let body = json!({ "operations": operations });
        for attempt in 0..MOST_REPEATS {
            let path = "/api/batch";
            let response = self.send("batch-tasks", Method::POST, path, None, Some(&body)).await?;
            if response.status() != 200 {
                self.expect_unknown("batch-tasks", &response);
                continue;
            }
            let body: Value = response.json().await?;
            let results = body["results"].as_array().context("results")?;
            if self.learn_results(&planned, results, attempt > 0) {
                return Ok(());
            }
        }
        self.report.violation("a batch did not succeed".to_owned());
        Ok(())
    }

    /// Chooses a create or two, and operations of some of the known tasks.
    fn plan(&mut self) -> Vec<Planned> {
        let mut planned = Vec::new();
        let room = MOST_TASKS.saturating_sub(self.tasks.len());
        for _ in 0..fastrand::usize(1..3).min(room) {
            self.created += 1;
            let (id, title) = (TaskId::new().to_string(), format!("task {}", self.created));
            let operation = json!({"op": "create", "id": id, "task": {"title": title}});
            planned.push(Planned { id, operation, after: Some(json!({ "title": title })) });
        }
        let mut known: Vec<_> = self.tasks.iter().collect();
        fastrand::shuffle(&mut known);
        for (id, task) in known.into_iter().take(fastrand::usize(1..MOST - 1)) {
            let mut after = task.clone();
            let (operation, after) = match fastrand::u8(0..4) {
                0 => (json!({"op": "delete", "id": id}), None),
                1 => (json!({"op": "restore", "id": id}), Some(after)),
                2 => {
                    let completed = fastrand::bool();
                    if after["completed"] != completed {
                        after["completed"] = json!(completed);
                        after["completed_at"] = json!(completed.then_some("now"));
                    }
                    (json!({"op": "set_completed", "id": id, "completed": completed}), Some(after))
                }
                _ => {
                    after["title"] = json!("from a batch");
                    let changes = json!({"title": "from a batch"});
                    (json!({"op": "update", "id": id, "changes": changes}), Some(after))
                }
            };
            planned.push(Planned { id: id.clone(), operation, after });
        }
        planned
    }

    /// Checks the results and applies them to what is known. Returns whether all operations
    /// have succeeded.
    fn learn_results(
        &mut self,
        planned: &[Planned],
        results: &[Value],
        was_sent_before: bool,
    ) -> bool {
        if results.len() != planned.len() {
            self.report.violation(format!("{} results of {}", results.len(), planned.len()));
        }
        let mut all = true;
        for (Planned { id, operation, after }, result) in planned.iter().zip(results) {
            let is_new = operation["op"] == "create";
            match (result["status"].as_u64(), after) {
                (Some(503), _) => all = false,
                (Some(404), None) if !was_sent_before => {
                    self.report.violation(format!("batch-tasks: {operation}: {result}"));
                }
                (Some(204 | 404), None) => {
                    let deleted = self.tasks.remove_entry(id);
                    self.trash.extend(deleted);
                }
                (Some(200 | 201), Some(after)) => {
                    let task = &result["task"];
                    let is_right = match is_new {
                        true => task["title"] == after["title"] && task["id"] == id.as_str(),
                        // If the batch was sent before, the task was completed by then.
                        false if was_sent_before && self.tasks.get(id) == Some(task) => true,
                        false => is_as_expected(task, after) || was_set_before(task, after),
                    };
                    if !is_right {
                        self.report.violation(format!("batch-tasks: {task} is not {after}"));
                    }
                    self.tasks.insert(id.clone(), task.clone());
                }
                _ => self.report.violation(format!("batch-tasks: {operation}: {result}")),
            }
        }
        all
    }
}

/// Whether `task` is `after`, apart from when an earlier attempt completed it.
fn was_set_before(task: &Value, after: &Value) -> bool {
    let mut after = after.clone();
    if after["completed_at"] == "now" {
        after["completed_at"] = task["completed_at"].clone();
    }
    !after["completed_at"].is_null() && is_as_expected(task, &after)
}
