//! Batches.

mod alone;
mod failures;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::http::MAX_BATCH_BYTES;
use shared::task::{MAX_DESCRIPTION_CHARS, MAX_OPERATIONS, MAX_TITLE_CHARS, TaskId};

use crate::support::{Caller, Reply, TestApp};

const PATH: &str = "/api/batch";

pub(super) async fn send(caller: &Caller<'_>, operations: &[Value]) -> Reply {
    caller.post(PATH, json!({ "operations": operations })).await
}

/// The results of a batch that is accepted.
pub(super) async fn results(caller: &Caller<'_>, operations: &[Value]) -> Vec<Value> {
    let mut body = send(caller, operations).await.ok().json();
    let Value::Array(results) = body["results"].take() else { panic!("{body}") };
    assert_eq!(results.len(), operations.len());
    results
}

pub(super) fn statuses(results: &[Value]) -> Vec<u64> {
    results.iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

pub(super) fn create(title: &str) -> Value {
    json!({"op": "create", "id": TaskId::new(), "task": {"title": title}})
}

pub(crate) fn id_of(path: &str) -> &str {
    path.strip_prefix("/api/tasks/").unwrap()
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_operation_in_their_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let [updated, completed, deleted, restored] =
        ["updated", "completed", "deleted", "restored"].map(|title| alice.task(title));
    let updated = updated.await;
    let (completed, deleted, restored) = (completed.await, deleted.await, restored.await);
    let tag = alice.get(&updated).await.header("etag").to_owned();
    alice.delete(&restored).await;
    let operations = [
        json!({"op": "delete", "id": id_of(&deleted)}),
        create("created"),
        json!({"op": "update", "id": id_of(&updated), "if_match": tag,
            "changes": {"title": "new title"}}),
        json!({"op": "update", "id": TaskId::new(), "changes": {"title": "none"}}),
        json!({"op": "set_completed", "id": id_of(&completed), "completed": true}),
        json!({"op": "restore", "id": id_of(&restored).to_uppercase()}),
        json!({"op": "create", "id": TaskId::new(), "task": {"title": ""}}),
    ];
    let results = results(&alice, &operations).await;
    assert_eq!(statuses(&results), [204, 201, 200, 404, 200, 200, 400]);
    assert_eq!(results[0], json!({"status": 204}));
    assert_eq!(results[2]["task"]["title"], "new title");
    assert_eq!(results[4]["task"]["completed"], true);
    assert_eq!(
        results[6]["problem"]["errors"],
        json!([{"field": "title",
        "detail": "must not be empty"}])
    );
    for result in results.iter().filter(|it| it.get("task").is_some()) {
        let path = format!("/api/tasks/{}", result["task"]["id"].as_str().unwrap());
        let read = alice.get(&path).await.ok();
        assert_eq!((&result["task"], &result["etag"]), (&read.json(), &read.header("etag").into()));
    }
    alice.get(&deleted).await.problem(StatusCode::NOT_FOUND);
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 4);
}

#[tokio::test]
async fn a_conflict_has_the_task_as_it_is_now_and_its_version() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let stale = alice.get(&path).await.header("etag").to_owned();
    let current = alice.put(&path, json!({"title": "T"})).await;
    let delete = json!({"op": "delete", "id": id_of(&path), "if_match": stale});
    let results = results(&alice, &[delete]).await;
    assert_eq!(results[0]["status"], 412);
    assert_eq!(results[0]["etag"], current.header("etag"));
    assert_eq!(results[0]["problem"]["current"], current.json());
}

#[tokio::test]
async fn each_problem_has_the_id_of_the_request() {
    let app = TestApp::start().await;
    let reply = send(&app.user("alice"), &[json!({"op": "restore", "id": "x"})]).await.ok();
    let problem = &reply.json()["results"][0]["problem"];
    assert_eq!(problem["request_id"], reply.header("apigw-requestid"));
}

#[tokio::test]
async fn a_batch_that_no_client_should_send_is_refused_and_nothing_is_done() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let id = id_of(&path);
    let delete = json!({"op": "delete", "id": id});
    let many: Vec<Value> = (0..=MAX_OPERATIONS).map(|_| create("t")).collect();
    for (operations, detail) in [
        (json!([]), "operations must be 1 to 100, not 0"),
        (json!(many), "operations must be 1 to 100, not 101"),
        (json!({}), "operations must be an array"),
        (json!(null), "operations must be an array"),
        (
            json!([delete, {"op": "restore", "id": id.to_uppercase()}]),
            "operations[1].id occurs twice in the batch",
        ),
        (
            json!([delete, {"op": "flip", "id": "x"}]),
            "operations[1].op must be create, update, set_completed, delete or restore",
        ),
        (
            json!([delete, {"op": {"create": null}, "id": "x"}, {"id": "y"}]),
            "operations[1].op must be create, update, set_completed, delete or restore; \
             operations[2].op must be create, update, set_completed, delete or restore",
        ),
        (json!([delete, {"op": "delete"}]), "operations[1].id must be a string"),
        (json!([delete, {"op": "delete", "id": 5}]), "operations[1].id must be a string"),
        (
            json!([delete, {"op": "delete", "id": "x", "completed": true}]),
            "operations[1].completed does not belong to delete",
        ),
        (
            json!([delete, {"op": "update", "id": "x", "task": null}]),
            "operations[1].task does not belong to update",
        ),
        (
            json!([delete, {"op": "create", "id": "x", "task": {"title": "t"}, "if_match": "*"}]),
            "operations[1].if_match does not belong to create",
        ),
        (
            json!([delete, {"op": "delete", "id": "x", "secret": true}]),
            "operations[1] has an unknown member at line 1 column 32, in this operation",
        ),
        (
            json!([delete, ["delete", "x"]]),
            "operations[1] must be a JSON object: it is another kind of value, in this operation",
        ),
    ] {
        let reply = alice.post(PATH, json!({ "operations": operations })).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail);
    }
    for (body, detail) in [
        (
            json!({"operations": [delete], "atomic": true}).to_string(),
            "The body has an unknown member at line 1",
        ),
        (json!([delete]).to_string(), "it is another kind of value"),
        ("{}".to_owned(), "operations must be an array"),
        (format!("{{\"operations\":[{delete}],\"operations\":[]}}"), "operations occurs twice"),
        (
            format!("{{\"operations\":[{delete}, {{\"op\": \"delete\", \"op\": \"restore\"}}]}}"),
            "the field op occurs twice",
        ),
        (format!("{{\"operations\":[{delete}"), "it ends too early"),
        (format!("{{\"operations\":[{delete}, {}", "[".repeat(100_000)), "must be a JSON object"),
    ] {
        let reply = alice.send(Method::POST, PATH, &[], body.into_bytes()).await;
        let actual = reply.problem(StatusCode::BAD_REQUEST);
        assert!(actual.contains(detail), "{actual}");
    }
    alice.get(&path).await.ok();
    assert_eq!(alice.get("/api/tasks").await.titles(), ["t"]);
}

#[tokio::test]
async fn a_hundred_tasks_with_the_longest_texts_fit_into_a_batch() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let create = |text: &str| {
        let (title, description) =
            (text.repeat(MAX_TITLE_CHARS), text.repeat(MAX_DESCRIPTION_CHARS));
        json!({"op": "create", "id": TaskId::new(),
            "task": {"title": title, "description": description, "priority": "high"}})
    };
    // Four bytes in a body, and the longest in a reply.
    for text in ["\u{1f44b}", "\u{1}"] {
        let operations: Vec<Value> = (0..MAX_OPERATIONS).map(|_| create(text)).collect();
        let results = results(&alice, &operations).await;
        assert_eq!(statuses(&results), [201; MAX_OPERATIONS]);
        for (operation, result) in operations.iter().zip(&results) {
            assert_eq!(operation["task"]["title"], result["task"]["title"]);
            assert_eq!(operation["task"]["description"], result["task"]["description"]);
        }
    }
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 2 * MAX_OPERATIONS);
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_accepted_and_a_larger_one_is_not() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let mut body = json!({"operations": [create("t")]}).to_string();
    body.push_str(&" ".repeat(MAX_BATCH_BYTES - body.len()));
    let json = [("content-type", "application/json")];
    alice.send(Method::POST, PATH, &json, body.clone().into_bytes()).await.ok();
    body.push(' ');
    let reply = alice.send(Method::POST, PATH, &json, body.into_bytes()).await;
    let detail = reply.problem(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(detail, "The body must have at most 1048576 bytes");
}

#[tokio::test]
async fn of_ten_batches_with_the_same_ids_at_once_one_creates_each_task() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let operations: Vec<Value> = (0..20).map(|number| create(&number.to_string())).collect();
    let batches = join_all((0..10).map(|_| results(&alice, &operations))).await;
    let all: Vec<u64> = batches.iter().flat_map(|results| statuses(results)).collect();
    assert_eq!(all.iter().filter(|status| **status == 201).count(), 20);
    assert_eq!(all.iter().filter(|status| **status == 200).count(), 180);
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 20);
}

#[tokio::test]
async fn another_device_hears_of_everything_in_a_batch() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let since = alice.get("/api/changes").await.json()["next"].as_str().unwrap().to_owned();
    let operations = [create("a"), json!({"op": "delete", "id": id_of(&path)}), create("b")];
    let results = results(&alice, &operations).await;
    let changes = alice.get(&format!("/api/changes?since={since}")).await.json();
    let change = |id: &Value| {
        let changes = changes["changes"].as_array().unwrap();
        changes.iter().rev().find(|it| it["id"] == *id).unwrap_or_else(|| panic!("{changes:?}"))
    };
    for (operation, result) in operations.iter().zip(&results) {
        let change = change(&operation["id"]);
        assert_eq!(change.get("etag"), result.get("etag"));
        assert_eq!(change.get("deleted_at").is_some(), operation["op"] == "delete");
    }
}
