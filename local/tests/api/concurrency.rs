//! Many concurrent requests.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::batch::id_of;
use crate::support::{TestApp, recorded};

#[tokio::test]
async fn a_hundred_concurrent_requests_to_every_endpoint_all_succeed() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let create = |number: usize| {
        let alice = alice.clone();
        async move { alice.task(&format!("task {number}")).await }
    };
    let paths = join_all((0..100).map(create)).await;
    let lists = join_all((0..100).map(|_| alice.get("/api/tasks?sort=title"))).await;
    assert!(lists.into_iter().all(|reply| reply.ok().titles().len() == 100));
    let changes = join_all((0..100).map(|_| alice.get("/api/changes"))).await;
    assert!(changes.iter().all(|reply| reply.json()["changes"].as_array().unwrap().len() == 100));
    let gets = join_all(paths.iter().map(|path| alice.get(path))).await;
    assert!(gets.iter().all(|reply| reply.status == StatusCode::OK));
    let puts = join_all(paths.iter().map(|path| alice.put(path, json!({"priority": "low"})))).await;
    assert!(puts.iter().all(|reply| reply.status == StatusCode::OK));
    let flips = join_all(paths.iter().map(|path| alice.flip(path))).await;
    assert!(flips.iter().all(|reply| reply.json()["completed"] == true));
    let health = join_all((0..100).map(|_| alice.get("/health"))).await;
    assert!(health.iter().all(|reply| reply.status == StatusCode::OK));
    let deletes = join_all(paths.iter().map(|path| alice.delete(path))).await;
    assert!(deletes.iter().all(|reply| reply.status == StatusCode::NO_CONTENT));
    assert_eq!(alice.get("/api/tasks").await.json(), json!([]));
    let restore = async |path: &String| {
        alice.send(Method::POST, &format!("{path}/restore"), &[], vec![]).await
    };
    let restores = join_all(paths.iter().map(restore)).await;
    assert!(restores.iter().all(|reply| reply.json()["completed"] == true));
    let batch = async |path: &String| {
        let update = json!({"op": "update", "id": id_of(path), "changes": {"priority": null}});
        alice.post("/api/batch", json!({ "operations": [update] })).await
    };
    let batches = join_all(paths.iter().map(batch)).await;
    assert!(batches.iter().all(|reply| reply.json()["results"][0]["status"] == 200));
    let exports = join_all((0..100).map(|_| alice.get("/api/export"))).await;
    assert!(exports.iter().all(|reply| reply.json().as_array().unwrap().len() == 100));
    let erasures = join_all((0..100).map(async |number| {
        let name = format!("user-{number}");
        let caller = app.user(&name);
        caller.task("t").await;
        caller.delete(&format!("/api/account-data?confirm={name}")).await
    }));
    assert!(erasures.await.iter().all(|reply| reply.status == StatusCode::NO_CONTENT));
    let calls = join_all((0..100).map(|_| alice.tool("find_tasks", json!({}))));
    assert!(calls.await.into_iter().all(|found| found.done()["tasks"].is_array()));
    // They log after they have replied.
    app.server.backend().lambda().stop().await;
    let logs = app.logs().join("\n");
    for name in app.server.backend().template().names().into_iter().filter(|it| *it != "docs") {
        let count = logs.matches(&format!("\"operation\":\"{name}\"")).count();
        assert!(count >= 100, "{name} got {count} requests");
    }
}

#[tokio::test]
async fn a_hundred_and_one_concurrent_flips_leave_the_task_completed() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    recorded::enable(&app).await;
    for flip in join_all((0..101).map(|_| alice.flip(&path))).await {
        flip.ok();
    }
    // On a slow machine, functions retry, and their replies may show later writes. The table
    // shows what each flip did.
    let history = recorded::histories(&app).await.into_values().next().unwrap();
    let completed: Vec<bool> = history.into_iter().map(|task| task.unwrap().completed).collect();
    let alternating: Vec<bool> = (0..101).map(|number| number % 2 == 0).collect();
    assert_eq!(completed, alternating, "each flip saw the one before it");
    assert_eq!(alice.get(&path).await.json()["completed"], true);
}

#[tokio::test]
async fn concurrent_updates_of_different_fields_are_all_kept() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for _ in 0..10 {
        let path = alice.task("t").await;
        let (title, description, priority, due, done) = tokio::join!(
            alice.put(&path, json!({"title": "T"})),
            alice.put(&path, json!({"description": "D"})),
            alice.put(&path, json!({"priority": "high"})),
            alice.put(&path, json!({"due_date": "2027-02-10"})),
            alice.flip(&path),
        );
        for reply in [title, description, priority, due, done] {
            reply.ok();
        }
        let task = alice.get(&path).await.json();
        assert_eq!(task["title"], "T");
        assert_eq!(task["description"], "D");
        assert_eq!(task["priority"], "high");
        assert_eq!(task["due_date"], "2027-02-10T00:00:00.000Z");
        assert_eq!(task["completed"], true);
    }
}

#[tokio::test]
async fn an_update_never_restores_a_deleted_task() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for _ in 0..10 {
        let path = alice.task("t").await;
        let complete = format!("{path}/complete");
        let set = json!({"completed": true});
        let (deleted, updated, flipped, set) = tokio::join!(
            alice.delete(&path),
            alice.put(&path, json!({"title": "T"})),
            alice.flip(&path),
            alice.json(Method::PATCH, &complete, &[], set),
        );
        deleted.expect(StatusCode::NO_CONTENT);
        for reply in [updated, flipped, set] {
            assert!([StatusCode::OK, StatusCode::NOT_FOUND].contains(&reply.status));
        }
        assert_eq!(alice.get("/api/tasks").await.json(), json!([]));
    }
}
