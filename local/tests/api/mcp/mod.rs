//! The tools for agents, as clients of the Model Context Protocol use them.

mod hints;
mod protocol;
mod repeated;
mod scopes;
mod tools;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use local::settings::repository;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, Reply};

pub(crate) const REVISION: &str = "2026-07-28";

/// The definitions of all tools, by name.
fn definitions() -> &'static BTreeMap<String, Value> {
    static DEFINITIONS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let path = repository().join("functions/mcp/src/tools.json");
        let tools: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let named = tools.into_iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it));
        named.collect()
    })
}

/// Validators of what the tools return, by name.
fn outputs() -> &'static BTreeMap<String, Validator> {
    static OUTPUTS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    OUTPUTS.get_or_init(|| {
        let validator = |it: &Value| jsonschema::validator_for(&it["outputSchema"]).unwrap();
        definitions().iter().map(|(name, it)| (name.clone(), validator(it))).collect()
    })
}

/// A request of the current revision.
pub(crate) fn message(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

impl Caller<'_> {
    /// Sends a request of the current revision.
    pub(crate) async fn mcp(&self, method: &str, params: Value) -> Reply {
        let name = params["name"].as_str().map(str::to_owned);
        let mut headers = vec![("mcp-protocol-version", REVISION), ("mcp-method", method)];
        headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
        self.json(Method::POST, "/mcp", &headers, message(method, params)).await
    }

    /// Calls a tool, and checks that its result is as its definition says.
    pub(crate) async fn tool(&self, name: &str, arguments: Value) -> ToolResult {
        let params = json!({"name": name, "arguments": arguments});
        let reply = self.mcp("tools/call", params).await.ok().json();
        assert_eq!(reply["id"], 7);
        let result = &reply["result"];
        assert_eq!(result["resultType"], "complete", "{reply}");
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        let is_error = result["isError"].as_bool().unwrap();
        let data = result.get("structuredContent").cloned();
        if let Some(data) = &data {
            assert!(outputs()[name].is_valid(data), "{name}: {data}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *data);
        }
        assert!(data.is_some() || is_error, "{reply}");
        ToolResult { text, data, is_error }
    }

    /// Adds a task and returns its id.
    async fn add(&self, task: Value) -> String {
        let result = self.tool("add_tasks", json!({"tasks": [task]})).await;
        result.done()["results"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Finds a task, also in the trash.
    async fn found(&self, id: &str) -> Value {
        let result = self.tool("find_tasks", json!({"ids": [id]})).await;
        let living = result.done()["tasks"][0].take();
        if !living.is_null() {
            return living;
        }
        let trash = self.tool("find_tasks", json!({"status": "deleted"})).await.done();
        let tasks = trash["tasks"].as_array().unwrap();
        tasks.iter().find(|task| task["id"] == id).cloned().unwrap_or_default()
    }
}

/// The result of a call.
pub(crate) struct ToolResult {
    text: String,
    data: Option<Value>,
    is_error: bool,
}

impl ToolResult {
    /// Returns the data of a call that did something.
    #[track_caller]
    pub(crate) fn done(self) -> Value {
        assert!(!self.is_error, "{}", self.text);
        self.data.unwrap()
    }

    /// Returns why a call was refused as a whole.
    #[track_caller]
    fn refused(self) -> String {
        assert!(self.is_error && self.data.is_none(), "{}", self.text);
        self.text.trim_start_matches("Nothing was done: ").to_owned()
    }

    /// Returns the outcome of each task, with its error.
    #[track_caller]
    fn outcomes(&self) -> Vec<String> {
        let results = self.data.as_ref().unwrap()["results"].as_array().unwrap();
        let text = |result: &Value| {
            let outcome = result["outcome"].as_str().unwrap();
            match result["error"].as_str() {
                Some(error) => format!("{outcome}: {error}"),
                None => outcome.to_owned(),
            }
        };
        results.iter().map(text).collect()
    }
}
