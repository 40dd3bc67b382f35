//! What a user does with all tasks at once.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;

use super::{MOST_REPEATS, SoakUser};

impl SoakUser {
    /// Exports everything, and compares what is not in the trash.
    pub(super) async fn export(&mut self) -> Result<()> {
        let response = self.send("export-tasks", Method::GET, "/api/export", None, None).await?;
        if response.status() == 200 {
            let mut tasks: Vec<Value> = response.json().await?;
            tasks.retain(|task| task.get("deleted_at").is_none());
            self.compare_with("export-tasks", tasks);
        } else {
            self.expect_unavailable("export-tasks", &response);
        }
        Ok(())
    }

    /// Erases everything: sends the request again until nothing is left.
    pub(super) async fn erase(&mut self) -> Result<()> {
        let path = format!("/api/account-data?confirm={}", self.user.id());
        for _ in 0..MOST_REPEATS {
            let response = self.send("erase-tasks", Method::DELETE, &path, None, None).await?;
            match response.status().as_u16() {
                204 => {
                    self.tasks.clear();
                    self.trash.clear();
                    return Ok(());
                }
                202 => {}
                _ => self.expect_unknown("erase-tasks", &response),
            }
        }
        self.report.violation("an erasure did not end".to_owned());
        Ok(())
    }
}
