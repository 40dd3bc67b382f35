//! Tools of an agent, for a user.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use shared::task::ListQuery;

use super::{MOST_REPEATS, MOST_TASKS, SoakUser, is_as_expected};

impl SoakUser {
    /// Adds two tasks, and changes one, by calls that are repeated until everything is done.
    pub(super) async fn tools(&mut self, id: &str) -> Result<()> {
        if self.tasks.len() + 2 <= MOST_TASKS {
            self.add_by_tool().await?;
        }
        let change = json!({"tasks": [{"id": id, "title": "from an agent"}]});
        self.until_done("update_tasks", &change).await?;
        let Some(mut after) = self.tasks.get(id).cloned() else { return Ok(()) };
        after["title"] = json!("from an agent");
        let stored = self.stored(&ListQuery::default()).await?;
        match stored.into_iter().find(|task| task["id"] == id) {
            Some(task) if is_as_expected(&task, &after) => {
                self.tasks.insert(id.to_owned(), task);
            }
            task => self.report.violation(format!("mcp: {task:?} is not {after}")),
        }
        Ok(())
    }

    async fn add_by_tool(&mut self) -> Result<()> {
        self.created += 1;
        let titles = ["a", "b"].map(|part| format!("task {}{part}", self.created));
        let tasks = titles.each_ref().map(|title| json!({ "title": title }));
        let key = format!("tool-{}", self.created);
        let call = json!({"tasks": tasks, "idempotency_key": key});
        let Some(result) = self.until_done("add_tasks", &call).await? else { return Ok(()) };
        let stored = self.stored(&ListQuery::default()).await?;
        for (title, result) in titles.iter().zip(result["results"].as_array().context("results")?) {
            let mut found = stored.iter().filter(|task| task["title"] == title.as_str());
            match (found.next(), found.next()) {
                (Some(task), None) if task["id"] == result["id"] => {
                    let id = task["id"].as_str().unwrap_or_default().to_owned();
                    self.tasks.insert(id, task.clone());
                }
                found => self.report.violation(format!("mcp: {result} became {found:?}")),
            }
        }
        Ok(())
    }

    /// Repeats a call until each of its tasks is done, and returns the result.
    async fn until_done(&mut self, tool: &str, arguments: &Value) -> Result<Option<Value>> {
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        for _ in 0..MOST_REPEATS {
            let response = self.send("mcp", Method::POST, "/mcp", None, Some(&call)).await?;
            if response.status() != 200 {
                self.expect_unknown("mcp", &response);
                continue;
            }
            let mut reply: Value = response.json().await?;
            let result = reply["result"]["structuredContent"].take();
            let results = result["results"].as_array().context("results")?;
            if results.iter().any(|result| result["outcome"] == "failed") {
                self.report.violation(format!("mcp: {tool}: {result}"));
                return Ok(None);
            }
            if result["not_done"] == 0 {
                return Ok(Some(result));
            }
        }
        self.report.violation(format!("mcp: {tool} did not succeed"));
        Ok(None)
    }
}
