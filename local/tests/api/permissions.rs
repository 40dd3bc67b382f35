//! The template grants each function the permissions that it uses, and no others.

use futures::future::join_all;
use local::dynamodb::Data;
use local::settings::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::task::TaskId;

use crate::batch::id_of;
use crate::support::TestApp;

#[tokio::test]
async fn each_function_has_exactly_the_permissions_that_it_uses() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let path = alice.task("t").await;
    let complete = format!("{path}/complete");
    // Sends every kind of request that needs different permissions.
    let key = [("idempotency-key", "key")];
    let create = alice.json(Method::POST, "/api/tasks", &key, json!({"title": "u"})).await;
    create.expect(StatusCode::CREATED);
    for status in ["all", "pending", "completed"] {
        for sort in ["created", "title", "due_date"] {
            alice.get(&format!("/api/tasks?status={status}&sort={sort}")).await.ok();
        }
    }
    alice.get(&path).await.ok();
    alice.put(&path, json!({})).await.ok();
    alice.put(&path, json!({"title": "T"})).await.ok();
    alice.json(Method::PATCH, &complete, &[], json!({"completed": true})).await.ok();
    alice.flip(&path).await.ok();
    let at_an_id = format!("/api/tasks/{}", TaskId::new());
    let none = [("if-none-match", "*")];
    let create = alice.json(Method::PUT, &at_an_id, &none, json!({"title": "v"})).await;
    create.expect(StatusCode::CREATED);
    bob.get(&path).await.problem(StatusCode::FORBIDDEN);
    bob.put(&path, json!({"title": "T"})).await.problem(StatusCode::FORBIDDEN);
    bob.flip(&path).await.problem(StatusCode::FORBIDDEN);
    bob.delete(&path).await.problem(StatusCode::FORBIDDEN);
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    alice.get("/api/tasks?status=deleted").await.ok();
    let restore = format!("{path}/restore");
    bob.post(&restore, json!({})).await.problem(StatusCode::FORBIDDEN);
    alice.post(&restore, json!({})).await.ok();
    let for_good = format!("{path}?permanent=true");
    alice.delete(&for_good).await.expect(StatusCode::NO_CONTENT);
    alice.get("/api/changes").await.ok();
    let theirs = bob.task("b").await;
    let operations = json!([
        {"op": "create", "id": TaskId::new(), "task": {"title": "w"}},
        {"op": "update", "id": TaskId::new(), "changes": {}},
        {"op": "set_completed", "id": id_of(&theirs), "completed": true},
    ]);
    alice.post("/api/batch", json!({ "operations": operations })).await.ok();
    for status in ["all", "pending", "completed", "deleted"] {
        for sort in ["created", "title", "due_date"] {
            let sort = Some(sort).filter(|_| status != "deleted");
            alice.tool("find_tasks", json!({"status": status, "sort": sort})).await.done();
        }
    }
    let ids = json!({"ids": [id_of(&theirs)]});
    alice.tool("find_tasks", ids.clone()).await.done();
    let add = json!({"tasks": [{"title": "x"}], "idempotency_key": "key"});
    alice.tool("add_tasks", add).await.done();
    alice.tool("add_tasks", json!({"tasks": [{"title": "y"}]})).await.done();
    alice.tool("complete_tasks", ids).await;
    alice.get("/api/export").await.ok();
    alice.delete("/api/account-data?confirm=alice").await.expect(StatusCode::NO_CONTENT);
    alice.get("/health").await.ok();
    alice.get("/docs").await.ok();

    let mut used = app.proxy().used_permissions();
    // Only without a trash is an item deleted.
    let settings = Settings::default().with("TRASH", "off");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let carol = app.user("carol");
    let path = carol.task("t").await;
    carol.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let path = carol.task("u").await;
    let delete = json!({"op": "delete", "id": id_of(&path)});
    carol.post("/api/batch", json!({ "operations": [delete] })).await.ok();
    let path = carol.task("v").await;
    carol.tool("delete_tasks", json!({"ids": [id_of(&path)]})).await.done();
    join_all((0..12).map(async |_| carol.task("t").await)).await;
    // An attempt finds a task missing that the one before has deleted.
    app.faults().set_rates("DeleteItem:lost-reply=0.5".parse().unwrap());
    let erase = "/api/account-data?confirm=carol";
    while carol.delete(erase).await.status != StatusCode::NO_CONTENT {}
    let anywhere = format!("{erase}&cursor={}", id_of(&path));
    carol.delete(&anywhere).await.expect(StatusCode::NO_CONTENT);
    for (function, permissions) in app.proxy().used_permissions() {
        used.entry(function).or_default().extend(permissions);
    }
    for function in &app.server.backend().template().functions {
        let used = used.get(&function.name).cloned().unwrap_or_default();
        assert_eq!(function.permissions, used, "{}: granted, used", function.name);
    }
    let functions = app.server.backend().template().functions.iter();
    let serving = functions.filter(|function| function.serves_users()).count();
    assert_eq!(used.len(), serving, "health and docs use none");
}
