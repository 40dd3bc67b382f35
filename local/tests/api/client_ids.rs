//! Creating a task at an id of the client's.

use futures::future::join_all;
use local::faults::Fault;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::task::{TaskId, Timestamp};

use crate::support::{Caller, Reply, TestApp};

const NONE: [(&str, &str); 1] = [("if-none-match", "*")];

async fn create(caller: &Caller<'_>, path: &str, body: Value) -> Reply {
    caller.json(Method::PUT, path, &NONE, body).await
}

fn new_path() -> String {
    format!("/api/tasks/{}", TaskId::new())
}

#[tokio::test]
async fn a_task_is_created_at_the_id_that_the_client_made() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = new_path();
    let body = json!({"title": "t", "priority": "high", "due_date": "2027-02-10", "id": "x"});
    let upper = path.to_uppercase().replace("/API/TASKS/", "/api/tasks/");
    let created = create(&alice, &upper, body).await.expect(StatusCode::CREATED);
    assert_eq!(created.header("location"), path);
    assert!(path.ends_with(created.json()["id"].as_str().unwrap()));
    assert_eq!(alice.get(&path).await.ok().json(), created.json());
    assert_eq!(alice.get("/api/tasks").await.titles(), ["t"]);
    let change = &alice.get("/api/changes").await.json()["changes"][0];
    assert_eq!(change["etag"], created.header("etag"));
}

#[tokio::test]
async fn a_task_that_was_made_offline_is_new_to_other_devices_whenever_that_was() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let since = alice.get("/api/changes").await.json()["next"].as_str().unwrap().to_owned();
    let last_year = TaskId::at(Timestamp::parse("2025-11-22").unwrap());
    let path = format!("/api/tasks/{last_year}");
    let task = create(&alice, &path, json!({"title": "t"})).await.json();
    assert_eq!(task["created_at"], "2025-11-22T00:00:00.000Z");
    assert!(task["updated_at"].as_str() > Some("2026"));
    let changes = alice.get(&format!("/api/changes?since={since}")).await.json();
    assert_eq!(changes["changes"][0]["task"], task);
}

#[tokio::test]
async fn the_same_create_again_returns_the_task_as_it_is_now() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = new_path();
    let body = json!({"title": "t", "due_date": "2027-02-10T01:00+01:00"});
    create(&alice, &path, body.clone()).await.expect(StatusCode::CREATED);
    let changed = alice.put(&path, json!({"title": "T"})).await.ok();
    let same = json!({"due_date": "2027-02-10T00:00:00Z", "title": "t", "description": null});
    let again = create(&alice, &path, same).await.ok();
    assert_eq!(again.json(), changed.json());
    assert_eq!(again.header("etag"), changed.header("etag"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = create(&alice, &path, json!({"title": "other"})).await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(other.json()["current"], changed.json());
    let posted = alice.task("posted").await;
    let other = create(&alice, &posted, json!({"title": "posted"})).await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED, "nobody created it at this id");
}

#[tokio::test]
async fn an_id_that_no_task_can_have_is_rejected_after_the_body() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let later = |seconds| TaskId::at(Timestamp::now().after_seconds(seconds).unwrap());
    let path = format!("/api/tasks/{}", later(30));
    create(&alice, &path, json!({"title": "t"})).await.expect(StatusCode::CREATED);
    for (id, detail) in [
        ("x".to_owned(), "The id of a new task must be a UUIDv7"),
        (uuid::Uuid::new_v4().to_string(), "The id of a new task must be a UUIDv7"),
        (later(120).to_string(), "The id of a new task must not be from the future"),
    ] {
        let path = format!("/api/tasks/{id}");
        let reply = create(&alice, &path, json!({"title": "t"})).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail);
        let reply = create(&alice, &path, json!({})).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), "title is required");
    }
}

#[tokio::test]
async fn the_id_of_another_users_task_tells_nothing_and_touches_nothing() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let path = alice.task("secret").await;
    create(&bob, &path, json!({"title": "bob's"})).await.expect(StatusCode::CREATED);
    assert_eq!(alice.get(&path).await.json()["title"], "secret");
    assert_eq!(bob.get(&path).await.json()["title"], "bob's");
    bob.delete(&path).await.expect(StatusCode::NO_CONTENT);
    alice.get(&path).await.ok();
}

#[tokio::test]
async fn of_ten_clients_with_the_same_id_at_once_one_creates_the_task() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = new_path();
    let same = join_all((0..10).map(|_| create(&alice, &path, json!({"title": "t"})))).await;
    let count = |replies: &[Reply], status| replies.iter().filter(|it| it.status == status).count();
    assert_eq!(count(&same, StatusCode::CREATED), 1);
    assert_eq!(count(&same, StatusCode::OK), 9);
    let path = new_path();
    let title = |number| json!({ "title": format!("{number}") });
    let others = join_all((0..10).map(|number| create(&alice, &path, title(number)))).await;
    assert_eq!(count(&others, StatusCode::CREATED), 1);
    assert_eq!(count(&others, StatusCode::PRECONDITION_FAILED), 9);
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 2);
}

#[tokio::test]
async fn a_task_in_the_trash_keeps_its_id_and_one_that_is_gone_for_good_does_not() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = new_path();
    let body = json!({"title": "t"});
    create(&alice, &path, body.clone()).await.expect(StatusCode::CREATED);
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let detail = create(&alice, &path, body.clone()).await.problem(StatusCode::CONFLICT);
    assert!(detail.contains("in the trash: restore it"), "{detail}");
    alice.delete(&format!("{path}?permanent=true")).await.expect(StatusCode::NO_CONTENT);
    create(&alice, &path, body).await.expect(StatusCode::CREATED);
    alice.get(&path).await.ok();
}

#[tokio::test]
async fn each_fault_leaves_one_task_and_the_reply_to_its_creation() {
    let app = TestApp::start().await;
    for fault in Fault::ALL {
        let alice = app.user(&format!("{fault}"));
        let path = new_path();
        app.faults().plan("PutItem", fault);
        let created = create(&alice, &path, json!({"title": "t"})).await;
        let created = created.expect(StatusCode::CREATED);
        assert_eq!(alice.get("/api/tasks").await.json(), json!([created.json()]), "{fault}");
    }
}

#[tokio::test]
async fn a_create_that_arrives_late_does_not_bring_back_what_was_deleted_since() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = new_path();
    app.faults().plan("PutItem", Fault::Stray);
    create(&alice, &path, json!({"title": "t"})).await.expect(StatusCode::CREATED);
    alice.delete(&format!("{path}?permanent=true")).await.expect(StatusCode::NO_CONTENT);
    app.proxy().deliver_strays();
    crate::support::until(|| app.proxy().strays() == 0).await;
    alice.get(&path).await.problem(StatusCode::NOT_FOUND);
}
