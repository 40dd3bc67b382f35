//! The endpoints of the API, and a request to each.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::task::TaskId;

/// How many tasks are on a page.
const PAGE: usize = 20;

/// An endpoint of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Endpoint {
    Health,
    List,
    Changes,
    Export,
    Get,
    Update,
    Toggle,
    Restore,
    Create,
    Batch,
    Tools,
    Delete,
}

impl Endpoint {
    /// All of them. Those that change the number of tasks come last, so that the others
    /// work on the same tables.
    pub const ALL: [Endpoint; 12] = [
        Endpoint::Health,
        Endpoint::List,
        Endpoint::Changes,
        Endpoint::Export,
        Endpoint::Get,
        Endpoint::Update,
        Endpoint::Toggle,
        Endpoint::Restore,
        Endpoint::Create,
        Endpoint::Batch,
        Endpoint::Tools,
        Endpoint::Delete,
    ];

    /// Its name, in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Health => "health",
            Endpoint::List => "list",
            Endpoint::Changes => "changes",
            Endpoint::Export => "export",
            Endpoint::Get => "get",
            Endpoint::Update => "update",
            Endpoint::Toggle => "toggle",
            Endpoint::Restore => "restore",
            Endpoint::Create => "create",
            Endpoint::Batch => "batch",
            Endpoint::Tools => "tools",
            Endpoint::Delete => "delete",
        }
    }

    /// The function that answers it.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Endpoint::Health => "health",
            Endpoint::List => "list-tasks",
            Endpoint::Changes => "list-changes",
            Endpoint::Export => "export-tasks",
            Endpoint::Get => "get-task",
            Endpoint::Update => "update-task",
            Endpoint::Toggle => "toggle-task",
            Endpoint::Restore => "restore-task",
            Endpoint::Create => "create-task",
            Endpoint::Batch => "batch-tasks",
            Endpoint::Tools => "mcp",
            Endpoint::Delete => "delete-task",
        }
    }

    /// Whether it leaves all tasks as they are.
    pub(crate) fn is_read(self) -> bool {
        self.request(TaskId::new(), 0).0 == Method::GET
    }

    /// The method, the path and the body of request number `number`. If it concerns a single
    /// task, that is `task`.
    pub(crate) fn request(self, task: TaskId, number: usize) -> (Method, String, Option<Value>) {
        let path = format!("/api/tasks/{task}");
        match self {
            Endpoint::Health => (Method::GET, "/health".to_owned(), None),
            Endpoint::List => (Method::GET, format!("/api/tasks?limit={PAGE}"), None),
            Endpoint::Changes => (Method::GET, format!("/api/changes?limit={PAGE}"), None),
            Endpoint::Export => (Method::GET, format!("/api/export?limit={PAGE}"), None),
            Endpoint::Get => (Method::GET, path, None),
            Endpoint::Update => {
                let body = json!({"title": format!("Buy milk {number}"), "priority": "high"});
                (Method::PUT, path, Some(body))
            }
            Endpoint::Toggle => (Method::PATCH, format!("{path}/complete"), None),
            // Of a task that is not in the trash: it refuses a write and returns the task.
            Endpoint::Restore => (Method::POST, format!("{path}/restore"), None),
            Endpoint::Create => {
                let body = json!({"title": format!("Buy milk {number}"), "due_date": "2027-02-10"});
                (Method::POST, "/api/tasks".to_owned(), Some(body))
            }
            Endpoint::Batch => {
                let changes = json!({"description": format!("Batch {number}")});
                let update = json!({"op": "update", "id": task, "changes": changes});
                (Method::POST, "/api/batch".to_owned(), Some(json!({"operations": [update]})))
            }
            Endpoint::Tools => {
                let task = json!({"id": task, "description": format!("Tool {number}")});
                let params = json!({"name": "update_tasks", "arguments": {"tasks": [task]}});
                let call = json!({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params});
                (Method::POST, "/mcp".to_owned(), Some(call))
            }
            // For good: what sends these requests leaves no content behind.
            Endpoint::Delete => (Method::DELETE, format!("{path}?permanent=true"), None),
        }
    }

    /// Whether its body contains operations, whose results are in the reply.
    pub(crate) fn has_operations(self) -> bool {
        matches!(self, Endpoint::Batch | Endpoint::Tools)
    }

    /// The status that counts. Replies with results are 200 whatever became of the operations.
    pub(crate) fn outcome(self, status: StatusCode, body: &[u8]) -> StatusCode {
        if status != StatusCode::OK || !self.has_operations() {
            return status;
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if self == Endpoint::Tools {
            let is_done = body["result"]["isError"] == false;
            return if is_done { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
        }
        let status = body["results"][0]["status"].as_u64().and_then(|it| u16::try_from(it).ok());
        status.and_then(|it| StatusCode::from_u16(it).ok()).unwrap_or(StatusCode::BAD_GATEWAY)
    }

    /// The status of a successful reply.
    pub(crate) fn expected(self) -> StatusCode {
        match self {
            Endpoint::Create => StatusCode::CREATED,
            Endpoint::Delete => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use local::settings::Settings;

    use super::*;

    #[test]
    fn every_function_but_the_page_and_the_erasure_is_an_endpoint() {
        let template = Settings::default().template().unwrap();
        let mut functions: BTreeSet<&str> = template.names().into_iter().collect();
        functions.remove("docs");
        // A load with somebody's token would erase what they have.
        functions.remove("erase-tasks");
        assert_eq!(BTreeSet::from(Endpoint::ALL.map(Endpoint::function)), functions);
    }
}
