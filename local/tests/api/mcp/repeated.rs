//! The same call again, after a reply that was lost: one effect.

use reqwest::Method;
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
    for _ in 0..2 {
        until_done(&alice, "delete_tasks", &json!({"ids": ids[..2]})).await;
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
async fn a_key_adds_each_task_once_whatever_else_the_call_contains() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let add = async |tasks: Value| {
        let arguments = json!({"tasks": tasks, "idempotency_key": "key"});
        let added = alice.tool("add_tasks", arguments).await.done();
        let results = added["results"].as_array().unwrap().iter();
        results.map(|it| it.get("added_before").is_none()).collect::<Vec<bool>>()
    };
    let (a, b) = (json!({"title": "a", "labels": ["x"]}), json!({"title": "b"}));
    assert_eq!(add(json!([a, b, b])).await, [true, true, true], "two tasks may be the same");
    assert_eq!(add(json!([a, b, b])).await, [false, false, false]);
    assert_eq!(add(json!([b, a])).await, [false, false], "some of them, in another order");
    let again = json!({"labels": ["x"], "due": null, "title": "a"});
    assert_eq!(add(json!([again, {"title": "c"}])).await, [false, true], "in another form");
    assert_eq!(alice.get("/api/tasks?sort=title").await.titles(), ["a", "b", "b", "c"]);
    // Keys of `POST /api/tasks` are others.
    let key = [("idempotency-key", "key")];
    alice.json(Method::POST, "/api/tasks", &key, json!({"title": "b"})).await;
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 5);
}
