//! The hints of the tools are true.

use serde_json::{Value, json};

use super::definitions;
use crate::support::{Caller, TestApp};

/// Calls `tool` with arguments that make it do something, on tasks of its own.
async fn arguments(alice: &Caller<'_>, tool: &str) -> Value {
    let id = alice.add(json!({"title": "t", "description": "d", "labels": ["l"]})).await;
    match tool {
        "find_tasks" => json!({"query": "t"}),
        "add_tasks" => json!({"tasks": [{"title": "new"}]}),
        "update_tasks" => json!({"tasks": [{"id": id, "title": "T", "labels": null}]}),
        "reopen_tasks" => {
            alice.tool("complete_tasks", json!({"ids": [id]})).await.done();
            json!({"ids": [id]})
        }
        "restore_tasks" => {
            alice.tool("delete_tasks", json!({"ids": [id]})).await.done();
            json!({"ids": [id]})
        }
        _ => json!({"ids": [id]}),
    }
}

/// Returns all tasks, with those in the trash, without what says when they were written.
async fn state(alice: &Caller<'_>) -> Vec<Value> {
    let mut tasks = alice.get("/api/export").await.ok().json();
    let tasks = tasks.as_array_mut().unwrap();
    for task in tasks.iter_mut() {
        task.as_object_mut().unwrap().remove("updated_at");
    }
    std::mem::take(tasks)
}

/// Returns what the user has written in each task that is not in the trash.
fn content(state: &[Value]) -> Vec<Value> {
    let living = state.iter().filter(|task| task.get("deleted_at").is_none());
    let members = ["id", "title", "description", "labels", "priority", "due"];
    living.map(|task| members.iter().map(|name| task[*name].clone()).collect()).collect()
}

#[tokio::test]
async fn the_hints_of_each_tool_are_what_it_does() {
    let app = TestApp::start().await;
    for (tool, definition) in definitions() {
        let alice = app.user(tool);
        let hints = &definition["annotations"];
        let arguments = arguments(&alice, tool).await;
        let before = state(&alice).await;
        let items = app.stored_tasks().await;
        alice.tool(tool, arguments.clone()).await.done();
        let after = state(&alice).await;
        let is_read_only = before == after;
        assert_eq!(hints["readOnlyHint"], is_read_only, "{tool}");
        if is_read_only {
            assert_eq!(app.stored_tasks().await.len(), items.len(), "{tool}");
        }
        // Destructive: something that the user has written is not there any more.
        let kept = content(&after);
        let is_destructive = content(&before).iter().any(|task| !kept.contains(task));
        assert_eq!(hints["destructiveHint"], is_destructive, "{tool}");
        alice.tool(tool, arguments).await;
        assert_eq!(hints["idempotentHint"], state(&alice).await == after, "{tool}");
        assert_eq!(hints["openWorldHint"], false, "{tool} reaches only the user's tasks");
    }
}
