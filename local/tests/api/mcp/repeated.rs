//! The same call again, after a reply that was lost: one effect.

use serde_json::{Value, json};
use shared::task::TaskId;

use crate::support::{Caller, TestApp};

/// Calls a tool until every task is done, as an agent does that follows the errors.
async fn until_done(alice: &Caller<'_>, tool: &str, arguments: &Value) -> Value {
    loop {
        let result = alice.tool(tool, arguments.clone()).await;
        let outcomes = result.outcomes();
        if outcomes.iter().all(|outcome| outcome == "done") {
            return result.done();
        }
        let is_open = |it: &String| it == "done" || it.starts_with("not_");
        assert!(outcomes.iter().all(is_open), "{tool}: {outcomes:?}");
    }
}

#[tokio::test]
async fn whatever_is_lost_a_repeated_call_has_one_effect() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let rates = "lost-reply=0.4,drop=0.2,throttle=0.2,error=0.1";
    app.faults().set_rates(rates.parse().unwrap());
    let titles: Vec<String> = (0..10).map(|number| format!("task {number}")).collect();
    let tasks: Vec<Value> = titles.iter().map(|title| json!({ "title": title })).collect();
    let add = json!({"tasks": tasks, "idempotency_key": "plan"});
    let added = until_done(&alice, "add_tasks", &add).await;
    let again = until_done(&alice, "add_tasks", &add).await;
    let ids = |added: &Value| {
        let results = added["results"].as_array().unwrap().iter();
        results.map(|result| result["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&added), ids(&again));
    let named: Vec<Value> = (0..5)
        .map(|number| json!({"title": format!("named {number}"), "id": TaskId::new()}))
        .collect();
    for _ in 0..2 {
        until_done(&alice, "add_tasks", &json!({ "tasks": named })).await;
    }
    let ids = ids(&added);
    let changes: Vec<Value> = ids.iter().map(|id| json!({"id": id, "priority": "low"})).collect();
    for _ in 0..2 {
        until_done(&alice, "update_tasks", &json!({ "tasks": changes })).await;
        until_done(&alice, "complete_tasks", &json!({ "ids": ids })).await;
    }
    until_done(&alice, "reopen_tasks", &json!({"ids": ids[..5]})).await;
    until_done(&alice, "reopen_tasks", &json!({"ids": ids[..5]})).await;
    // A task in the trash is no more there for a second call, which says so.
    for id in &ids[..2] {
        loop {
            let result = alice.tool("delete_tasks", json!({"ids": [id]})).await;
            let outcome = result.outcomes().swap_remove(0);
            if outcome == "done" || outcome == "failed: Task not found" {
                break;
            }
            assert!(outcome.starts_with("not_"), "{outcome}");
        }
    }
    until_done(&alice, "restore_tasks", &json!({"ids": ids[..1]})).await;
    until_done(&alice, "restore_tasks", &json!({"ids": ids[..1]})).await;
    app.faults().set_rates("".parse().unwrap());
    let of = async |status: &str| {
        let mut titles = alice.get(&format!("/api/tasks?status={status}")).await.titles();
        titles.sort();
        titles
    };
    assert_eq!(of("completed").await, titles[5..]);
    let mut pending: Vec<String> = (0..5).map(|number| format!("named {number}")).collect();
    pending.extend([0, 2, 3, 4].map(|number| titles[number].clone()));
    assert_eq!(of("pending").await, pending);
    assert_eq!(of("deleted").await, ["task 1"]);
}

#[tokio::test]
async fn another_call_with_the_same_key_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let add = async |title: &str| {
        let arguments = json!({"tasks": [{"title": title}], "idempotency_key": "key"});
        alice.tool("add_tasks", arguments).await.outcomes().swap_remove(0)
    };
    assert_eq!(add("a").await, "done");
    assert_eq!(add("b").await, "failed: This idempotency_key was used for another task before");
    assert_eq!(alice.get("/api/tasks").await.titles(), ["a"]);
}
