//! The life of a task, from its creation to its deletion.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn creating_a_task_returns_it_and_its_location() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let body = json!({
        "title": " Buy milk ", "description": "Two litres", "priority": "high",
        "due_date": "2027-02-10T09:00+01:00", "labels": [" Shopping ", "home", "SHOPPING"],
    });
    let created = alice.post("/api/tasks", body).await.expect(StatusCode::CREATED);
    let task = created.json();
    let members: Vec<&str> = task.as_object().unwrap().keys().map(String::as_str).collect();
    let all = [
        "completed",
        "completed_at",
        "created_at",
        "description",
        "due",
        "due_date",
        "id",
        "labels",
        "priority",
        "title",
        "updated_at",
        "user_id",
    ];
    assert_eq!(members, all);
    assert_eq!(task["title"], " Buy milk ");
    assert_eq!(task["description"], "Two litres");
    assert_eq!(task["priority"], "high");
    assert_eq!(task["due_date"], "2027-02-10T08:00:00.000Z");
    assert_eq!(task["labels"], json!(["Shopping", "home"]));
    assert_eq!(task["completed"], false);
    assert_eq!(task["completed_at"], Value::Null);
    assert_eq!(task["user_id"], "alice");
    assert_eq!(task["updated_at"], task["created_at"]);
    let location = created.header("location");
    assert_eq!(location, format!("/api/tasks/{}", task["id"].as_str().unwrap()));

    let found = alice.get(location).await.ok();
    assert_eq!(found.json(), task);
    assert_eq!(found.header("etag"), created.header("etag"));
    assert_eq!(alice.get("/api/tasks").await.ok().json(), json!([task]));
}

#[tokio::test]
async fn a_task_needs_only_a_title() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let task = alice.post("/api/tasks", json!({"title": "t"})).await.json();
    for absent in ["description", "priority", "due_date", "due", "completed_at"] {
        assert_eq!(task[absent], Value::Null, "{absent}");
    }
    assert_eq!(task["labels"], json!([]));
}

#[tokio::test]
async fn an_update_changes_only_the_fields_that_it_names() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let body = json!({
        "title": "t", "description": "d", "priority": "low", "due_date": "2027-02-10",
        "labels": ["home"],
    });
    let created = alice.post("/api/tasks", body).await;
    let (path, before) = (created.header("location").to_owned(), created.json());

    let renamed = alice.put(&path, json!({"title": "T"})).await.ok();
    assert_ne!(renamed.header("etag"), created.header("etag"));
    let mut expected = before.clone();
    expected["title"] = json!("T");
    expected["updated_at"] = renamed.json()["updated_at"].clone();
    assert_eq!(renamed.json(), expected);
    assert_eq!(alice.get(&path).await.json(), expected);

    let body = json!({"description": null, "priority": null, "due_date": null});
    let cleared = alice.put(&path, body).await.ok().json();
    for field in ["description", "priority", "due_date"] {
        assert_eq!(cleared[field], Value::Null, "{field}");
    }
    assert_eq!((&cleared["title"], &cleared["labels"]), (&json!("T"), &json!(["home"])));
    for none in [json!([]), json!(null)] {
        let unlabelled = alice.put(&path, json!({ "labels": none })).await.ok().json();
        assert_eq!(unlabelled["labels"], json!([]));
    }

    let body = json!({
        "description": "D", "priority": "medium", "due_date": "2028-01-01", "labels": ["b", "a"],
    });
    let set = alice.put(&path, body).await.ok().json();
    assert_eq!(set["labels"], json!(["b", "a"]));
    assert_eq!(set["description"], "D");
    assert_eq!(set["priority"], "medium");
    assert_eq!(set["due_date"], "2028-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn an_empty_update_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let created = alice.post("/api/tasks", json!({"title": "t"})).await;
    let updated = alice.put(created.header("location"), json!({"unknown": 1})).await.ok();
    assert_eq!(updated.json(), created.json());
    assert_eq!(updated.header("etag"), created.header("etag"));
}

#[tokio::test]
async fn a_whole_task_may_be_sent_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let created = alice.post("/api/tasks", json!({"title": "t"})).await;
    let mut task = created.json();
    task["title"] = json!("T");
    // Clients cannot change these.
    task["user_id"] = json!("mallory");
    task["created_at"] = json!("1999-01-01T00:00:00.000Z");
    task["id"] = json!("something else");
    let updated = alice.put(created.header("location"), task).await.ok().json();
    assert_eq!(updated["title"], "T");
    for field in ["id", "user_id", "created_at", "completed"] {
        assert_eq!(updated[field], created.json()[field], "{field}");
    }
}

#[tokio::test]
async fn a_flip_inverts_completion() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let done = alice.flip(&path).await.ok();
    assert_eq!(done.json()["completed"], true);
    assert_eq!(done.json()["completed_at"], done.json()["updated_at"]);
    let pending = alice.flip(&path).await.ok();
    assert_eq!(pending.json()["completed"], false);
    assert_eq!(pending.json()["completed_at"], Value::Null);
    assert_eq!(alice.get(&path).await.json(), pending.json());
    assert_eq!(alice.get(&path).await.header("etag"), pending.header("etag"));
}

#[tokio::test]
async fn setting_completion_again_keeps_its_time() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let complete = format!("{path}/complete");
    let set = |completed: bool| {
        let (alice, complete) = (alice.clone(), complete.clone());
        async move {
            let body = json!({ "completed": completed });
            alice.json(Method::PATCH, &complete, &[], body).await.ok().json()
        }
    };
    let first = set(true).await;
    let again = set(true).await;
    assert_eq!(again["completed"], true);
    assert_eq!(again["completed_at"], first["completed_at"]);
    assert_eq!(set(false).await["completed_at"], Value::Null);
    assert_eq!(set(false).await["completed"], false);
    // An update can also set it, and keeps the time in the same way.
    let done = alice.put(&path, json!({"completed": true})).await.ok().json();
    let renamed = alice.put(&path, json!({"completed": true, "title": "T"})).await.ok().json();
    assert_eq!(renamed["completed_at"], done["completed_at"]);
}

#[tokio::test]
async fn setting_completion_after_a_flip_keeps_the_time_of_the_flip() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let flipped = alice.flip(&path).await.json();
    let set = alice.put(&path, json!({"completed": true})).await.ok().json();
    assert_eq!(set["completed_at"], flipped["completed_at"]);
    alice.flip(&path).await.ok();
    let again = alice.put(&path, json!({"completed": true})).await.ok().json();
    assert_eq!(again["completed_at"], again["updated_at"]);
}

#[tokio::test]
async fn a_deleted_task_is_gone() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let deleted = alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    assert!(deleted.body.is_empty());
    assert_eq!(alice.get("/api/tasks").await.json(), json!([]));
    let not_found = StatusCode::NOT_FOUND;
    assert_eq!(alice.get(&path).await.problem(not_found), "Task not found");
    assert_eq!(alice.delete(&path).await.problem(not_found), "Task not found");
    assert_eq!(alice.flip(&path).await.problem(not_found), "Task not found");
    assert_eq!(alice.put(&path, json!({"title": "T"})).await.problem(not_found), "Task not found");
    assert_eq!(alice.put(&path, json!({})).await.problem(not_found), "Task not found");
    assert_eq!(alice.get("/api/tasks").await.json(), json!([]), "no write restored it");
}

#[tokio::test]
async fn an_id_that_is_not_a_uuid_is_not_found() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for id in ["1", "undefined", "%00", "%F0%9F%91%8B", "a%20b", "..%2f..", "%3f", "%FF", "{}"] {
        let path = format!("/api/tasks/{id}");
        let reply = alice.get(&path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn a_uuid_that_no_task_can_have_is_not_found() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for id in [
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "ffffffff-ffff-4fff-bfff-ffffffffffff",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
        "00000000-0000-0000-0000-000000000000",
        "e677d21f-dbff-7fff-bfff-ffffffffffff",
        "00000000-0000-7000-8000-000000000000",
    ] {
        let path = format!("/api/tasks/{id}");
        for reply in [
            alice.get(&path).await,
            alice.put(&path, json!({"title": "t"})).await,
            alice.flip(&path).await,
            alice.delete(&path).await,
        ] {
            assert_eq!(reply.problem(StatusCode::NOT_FOUND), "Task not found", "{id}");
        }
    }
}

#[tokio::test]
async fn health_needs_no_token() {
    let app = TestApp::start().await;
    assert_eq!(app.anonymous().get("/health").await.ok().json(), json!({"status": "healthy"}));
}
