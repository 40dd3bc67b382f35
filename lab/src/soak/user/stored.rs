//! What is stored, read without faults.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shared::store::StoreError;
use shared::task::{ListQuery, TaskId};

use super::SoakUser;

impl SoakUser {
    /// Waits for the last requests of killed functions to arrive.
    pub(super) async fn settle(&self) {
        if self.report.kills.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The stored tasks of a list, read without faults.
    pub(super) async fn stored(&self, query: &ListQuery) -> Result<Vec<Value>> {
        self.settle().await;
        let mut tasks = Vec::new();
        let take = |task| {
            tasks.push(task);
            true
        };
        let next = self.store.tasks(&self.user).list(query, take).await?;
        if next.is_some() {
            bail!("more tasks than a soak creates");
        }
        Ok(tasks.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    pub(super) async fn stored_task(&self, id: &str) -> Result<Option<Value>> {
        self.settle().await;
        let id = TaskId::parse(id).context("a malformed id")?;
        match self.store.tasks(&self.user).get(id).await {
            Ok(task) => Ok(Some(serde_json::to_value(task)?)),
            Err(StoreError::NotFound | StoreError::Deleted) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
