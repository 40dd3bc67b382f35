//! A device of the user, which follows the changes.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;
use shared::task::ListQuery;

use super::SoakUser;

/// How often the last changes are requested before the device gives up.
const MOST_POLLS: usize = 200;

/// What a device knows.
#[derive(Default)]
pub(super) struct Device {
    token: Option<String>,
    tasks: BTreeMap<String, Value>,
}

impl Device {
    /// Applies a page of changes. Returns whether there are more.
    fn learn(&mut self, page: &Value) -> Result<bool> {
        for change in page["changes"].as_array().context("changes")? {
            let id = change["id"].as_str().context("an id")?.to_owned();
            match change.get("task") {
                Some(task) => self.tasks.insert(id, task.clone()),
                None => self.tasks.remove(&id),
            };
        }
        self.token = Some(page["next"].as_str().context("a token")?.to_owned());
        page["more"].as_bool().context("more")
    }
}

impl SoakUser {
    /// Requests a page of changes. Returns whether there are more, or may be.
    pub(super) async fn poll(&mut self) -> Result<bool> {
        let limit = fastrand::choice([1, 5, 100]).unwrap_or(1);
        let since = self.device.token.iter().map(|token| format!("&since={token}"));
        let path = format!("/api/changes?limit={limit}{}", since.collect::<String>());
        let response = self.send("list-changes", Method::GET, &path, None, None).await?;
        if response.status() != 200 {
            self.expect_unavailable("list-changes", &response);
            return Ok(true);
        }
        self.device.learn(&response.json().await?)
    }

    /// Compares what the device knows, once it is up to date, with what is stored.
    pub(super) async fn compare_device(&mut self) -> Result<()> {
        self.settle().await;
        let mut polls = 0;
        while self.poll().await? && polls < MOST_POLLS {
            polls += 1;
        }
        let stored = self.stored(&ListQuery::default()).await?;
        let known = &self.device.tasks;
        let is_known = |task: &Value| known.get(task["id"].as_str().unwrap_or_default());
        let equal = stored.iter().filter(|task| is_known(task) == Some(task)).count();
        if equal != stored.len() || known.len() != stored.len() {
            let (has, stored) = (known.len(), stored.len());
            let what = format!("the device has {has} tasks, {equal} of the {stored} stored ones");
            self.report.violation(what);
        }
        Ok(())
    }
}
