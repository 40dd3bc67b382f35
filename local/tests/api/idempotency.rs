//! `Idempotency-Key`: a create that is sent again creates nothing new.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use local::faults::Fault;
use local::{IDEMPOTENCY_TABLE, tables};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::task::Timestamp;

use crate::support::{Caller, Reply, TestApp};

async fn create(caller: &Caller<'_>, key: &str, body: Value) -> Reply {
    caller.json(Method::POST, "/api/tasks", &[("idempotency-key", key)], body).await
}

fn body() -> Value {
    json!({"title": "t", "description": "d", "priority": "low", "due_date": "2027-02-10T00:00:00Z"})
}

/// Checks that `again` is a replay of `first`.
fn assert_same(first: &Reply, again: &Reply) {
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(again.body, first.body);
    for header in ["location", "etag", "content-type"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn the_same_request_gets_the_first_reply_again_and_creates_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let first = create(&alice, "key", body()).await.expect(StatusCode::CREATED);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    for _ in 0..3 {
        assert_same(&first, &create(&alice, "key", body()).await);
    }
    assert_eq!(alice.get("/api/tasks").await.json(), json!([first.json()]));
}

#[tokio::test]
async fn a_request_with_the_same_meaning_gets_the_first_reply() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let first = create(&alice, "key", body()).await;
    let mut equivalent = body();
    equivalent["due_date"] = json!("2027-02-10T01:00:00+01:00");
    equivalent["unknown"] = json!(true);
    assert_same(&first, &create(&alice, "key", equivalent).await);
}

#[tokio::test]
async fn the_first_reply_is_replayed_even_if_the_task_was_changed_or_deleted() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let first = create(&alice, "key", body()).await;
    let path = first.header("location").to_owned();
    alice.put(&path, json!({"title": "changed"})).await.ok();
    assert_same(&first, &create(&alice, "key", body()).await);
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    assert_same(&first, &create(&alice, "key", body()).await);
    assert_eq!(alice.get("/api/tasks").await.json(), json!([]), "it stays deleted");
}

#[tokio::test]
async fn the_same_key_with_another_body_is_rejected() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    create(&alice, "key", body()).await.expect(StatusCode::CREATED);
    for (field, value) in [
        ("title", json!("other")),
        ("description", json!("other")),
        ("description", Value::Null),
        ("priority", json!("high")),
        ("due_date", Value::Null),
    ] {
        let mut other = body();
        other[field] = value;
        let detail = create(&alice, "key", other).await.problem(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(detail, "This Idempotency-Key was already used with another body");
    }
    assert_eq!(alice.get("/api/tasks").await.titles(), ["t"]);
}

#[tokio::test]
async fn a_key_belongs_to_its_user() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let hers = create(&alice, "key", body()).await.expect(StatusCode::CREATED);
    let his = create(&bob, "key", body()).await.expect(StatusCode::CREATED);
    assert_ne!(hers.json()["id"], his.json()["id"]);
    assert!(!his.headers.contains_key("idempotency-replayed"));
    // Nor do they clash if user and key are the same when concatenated.
    let reply = create(&app.user("alicek"), "ey", body()).await;
    assert!(!reply.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn two_hundred_concurrent_requests_with_one_key_create_one_task() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let replies = join_all((0..200).map(|_| create(&alice, "key", body()))).await;
    assert!(replies.iter().all(|reply| reply.status == StatusCode::CREATED));
    let first = replies.iter().filter(|reply| !reply.headers.contains_key("idempotency-replayed"));
    assert_eq!(first.count(), 1);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 1);
}

#[tokio::test]
async fn a_malformed_key_is_rejected() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for key in ["", " ", "two words", "tab\there", &"k".repeat(256)] {
        let detail = create(&alice, key, body()).await.problem(StatusCode::BAD_REQUEST);
        assert_eq!(detail, "Idempotency-Key must have 1 to 255 visible characters", "{key:?}");
    }
    create(&alice, &"k".repeat(255), body()).await.expect(StatusCode::CREATED);
    create(&alice, "\"quoted,{}!~\"", body()).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn an_invalid_task_does_not_use_its_key_up() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    create(&alice, "key", json!({"title": ""})).await.problem(StatusCode::BAD_REQUEST);
    create(&alice, "key", body()).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let first = create(&alice, "key", body()).await;
    let client = tables::client(&app.server.backend().embedded_url());
    let scan = client.scan().table_name(IDEMPOTENCY_TABLE).send().await.unwrap();
    let mut record = scan.items()[0].clone();
    let now = Timestamp::now().unix_seconds();
    let expires_at: i64 = record["expires_at"].as_n().unwrap().parse().unwrap();
    let day = shared::store::REMEMBERED_SECONDS;
    assert!((now + day - 60..=now + day).contains(&expires_at));
    // DynamoDB may take days to delete an expired record.
    record.insert("expires_at".into(), AttributeValue::N(now.to_string()));
    let put = client.put_item().table_name(IDEMPOTENCY_TABLE).set_item(Some(record));
    put.send().await.unwrap();
    let second = create(&alice, "key", body()).await.expect(StatusCode::CREATED);
    assert_ne!(second.json()["id"], first.json()["id"]);
    assert_same(&second, &create(&alice, "key", body()).await);
}

#[tokio::test]
async fn without_a_key_nothing_is_recorded() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    alice.task("t").await;
    assert_eq!(app.proxy().executed("TransactWriteItems"), 0);
    assert_eq!(app.proxy().executed("PutItem"), 1);
    let client = tables::client(&app.server.backend().embedded_url());
    let scan = client.scan().table_name(IDEMPOTENCY_TABLE).send().await.unwrap();
    assert!(scan.items().is_empty());
}

#[tokio::test]
async fn a_record_holds_no_title_and_no_key() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    create(&alice, "a-telling-key", json!({"title": "a private title"})).await;
    let client = tables::client(&app.server.backend().embedded_url());
    let scan = client.scan().table_name(IDEMPOTENCY_TABLE).send().await.unwrap();
    let record = format!("{:?}", scan.items());
    for private in ["alice", "a-telling-key", "private"] {
        assert!(!record.contains(private), "{private} in {record}");
    }
}

#[tokio::test]
async fn a_request_whose_key_is_in_use_is_a_409_with_a_retry_after() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    app.faults().plan("TransactWriteItems", Fault::Conflict);
    create(&alice, "key", body()).await.expect(StatusCode::CREATED);
    app.faults().set_rates("TransactWriteItems:conflict=1".parse().unwrap());
    let reply = create(&alice, "other-key", body()).await;
    assert_eq!(reply.header("retry-after"), "1");
    let detail = reply.problem(StatusCode::CONFLICT);
    assert_eq!(detail, "A request with this Idempotency-Key is still under way");
    app.faults().set_rates("".parse().unwrap());
    create(&alice, "other-key", body()).await.expect(StatusCode::CREATED);
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 2);
}

#[tokio::test]
async fn a_write_that_meets_a_transaction_waits_for_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    app.faults().plan("UpdateItem", Fault::Conflict);
    assert_eq!(alice.flip(&path).await.ok().json()["completed"], true);
    app.faults().plan("UpdateItem", Fault::Conflict);
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
}
