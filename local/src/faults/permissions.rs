//! Which permissions each function uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use serde_json::Value;

use crate::template::Permission;

/// Records the permissions that requests need, by the function that sends them.
#[derive(Debug, Default)]
pub(super) struct UsedPermissions {
    by_function: Mutex<BTreeMap<String, BTreeSet<Permission>>>,
}

impl UsedPermissions {
    /// Records a request, if a function sends it.
    pub(super) fn record(&self, headers: &HeaderMap, operation: &str, body: &[u8]) {
        let Some(function) = function(headers) else { return };
        let permissions = permissions(operation, body);
        let mut by_function = self.by_function.lock().unwrap_or_else(PoisonError::into_inner);
        by_function.entry(function.to_owned()).or_default().extend(permissions);
    }

    pub(super) fn by_function(&self) -> BTreeMap<String, BTreeSet<Permission>> {
        self.by_function.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The name of the function that sends a request: its SDK's app id.
fn function(headers: &HeaderMap) -> Option<&str> {
    let agent = headers.get("x-amz-user-agent").or(headers.get("user-agent"))?.to_str().ok()?;
    agent.split(' ').find_map(|part| part.strip_prefix("app/"))
}

/// The permissions that a request needs. A transaction needs those of its parts.
fn permissions(operation: &str, body: &[u8]) -> Vec<Permission> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let permission = |action: &str, request: &Value| {
        let table = request["TableName"].as_str().unwrap_or_default();
        let resource = match request["IndexName"].as_str() {
            Some(index) => format!("{table}/index/{index}"),
            None => table.to_owned(),
        };
        Permission { action: action.to_owned(), resource }
    };
    match body["TransactItems"].as_array() {
        Some(parts) => parts
            .iter()
            .flat_map(|part| part.as_object().into_iter().flatten())
            .map(|(kind, request)| permission(&format!("{kind}Item"), request))
            .collect(),
        None => vec![permission(operation, &body)],
    }
}
