//! The feed of changes.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use local::dynamodb::Data;
use local::settings::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Caller, TestApp};

/// Twenty-eight days and two minutes, in milliseconds.
const AHEAD: i64 = (28 * 24 * 60 + 2) * 60_000;

/// Returns `token` with other members.
fn changed(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (head, delivered) = token.split_once('.').unwrap();
    let mut members: Value = serde_json::from_slice(&BASE64.decode(head).unwrap()).unwrap();
    change(&mut members);
    format!("{}.{delivered}", BASE64.encode(members.to_string()))
}

/// A token of `caller` from so many days ago.
pub(crate) async fn token_from(caller: &Caller<'_>, days: i64) -> String {
    let token = next(&changes(caller, None).await);
    changed(&token, |members| {
        for time in ["b", "f"] {
            members[time] = json!(members[time].as_i64().unwrap() - days * 24 * 60 * 60 * 1000);
        }
    })
}

async fn changes(caller: &Caller<'_>, since: Option<&str>) -> Value {
    let query = since.map(|token| format!("?since={token}")).unwrap_or_default();
    caller.get(&format!("/api/changes{query}")).await.ok().json()
}

fn next(page: &Value) -> String {
    page["next"].as_str().unwrap().to_owned()
}

/// The changes since `token`, which is then the next one.
async fn poll(caller: &Caller<'_>, token: &mut String) -> Vec<Value> {
    let page = changes(caller, Some(token)).await;
    assert_eq!(page["more"], false);
    *token = next(&page);
    page["changes"].as_array().unwrap().clone()
}

fn id(path: &str) -> &str {
    path.rsplit_once('/').unwrap().1
}

#[tokio::test]
async fn a_new_device_gets_all_living_tasks_with_their_entity_tags() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    app.user("bob").task("bob's").await;
    let (kept, deleted) = (alice.task("kept").await, alice.task("deleted").await);
    alice.delete(&deleted).await.expect(StatusCode::NO_CONTENT);
    let page = changes(&alice, None).await;
    let task = alice.get(&kept).await;
    let expected = json!({"id": id(&kept), "etag": task.header("etag"), "task": task.json()});
    assert_eq!(page["changes"][0], expected);
    // Whoever read the task a moment ago, before it was deleted, has to hear of it.
    assert_eq!(page["changes"][1]["id"], id(&deleted));
    assert_eq!(page["changes"].as_array().unwrap().len(), 2);
    assert_eq!(page["more"], false);
}

#[tokio::test]
async fn a_device_hears_of_each_write_once_and_in_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let mut token = next(&changes(&alice, None).await);
    assert_eq!(poll(&alice, &mut token).await, [] as [Value; 0]);

    let (first, second) = (alice.task("first").await, alice.task("second").await);
    let tasks = poll(&alice, &mut token).await;
    assert_eq!(tasks.len(), 2);
    assert_eq!(
        (&tasks[0]["task"]["title"], &tasks[1]["task"]["title"]),
        (&json!("first"), &json!("second"))
    );

    let flipped = alice.flip(&first).await;
    let of_flip = poll(&alice, &mut token).await;
    assert_eq!(
        of_flip,
        [json!({"id": id(&first), "etag": flipped.header("etag"), "task": flipped.json()})]
    );
    assert_eq!(poll(&alice, &mut token).await, [] as [Value; 0]);

    alice.delete(&second).await.expect(StatusCode::NO_CONTENT);
    let trash = alice.get("/api/tasks?status=deleted").await.json();
    let deletion = json!({"id": id(&second), "deleted_at": trash[0]["deleted_at"]});
    assert_eq!(poll(&alice, &mut token).await, [deletion]);

    alice.send(Method::POST, &format!("{second}/restore"), &[], vec![]).await.ok();
    assert_eq!(poll(&alice, &mut token).await[0]["task"]["title"], "second");

    alice.delete(&format!("{second}?permanent=true")).await.expect(StatusCode::NO_CONTENT);
    let gone = poll(&alice, &mut token).await;
    assert_eq!(gone.len(), 1);
    assert!(gone[0]["deleted_at"].is_string() && gone[0].get("task").is_none(), "{gone:?}");
    assert_eq!(poll(&alice, &mut token).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_deletion_for_good_is_reported_from_the_trash_too_and_leaves_no_content() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let body = json!({"title": "SECRET-T", "description": "SECRET-D", "priority": "low"});
    let path = alice.post("/api/tasks", body).await.header("location").to_owned();
    alice.flip(&path).await.ok();
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let mut token = next(&changes(&alice, None).await);
    alice.delete(&format!("{path}?permanent=true")).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(poll(&alice, &mut token).await[0]["id"], id(&path));
    let stored = format!("{:?}", app.stored_tasks().await);
    assert!(stored.contains(id(&path)) && !stored.contains("SECRET"), "{stored}");
}

#[tokio::test]
async fn pages_lead_to_the_end_and_writes_in_between_are_not_missed() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let mut paths = Vec::new();
    for number in 0..5 {
        paths.push(alice.task(&format!("{number}")).await);
    }
    let first = alice.get("/api/changes?limit=2").await.ok().json();
    assert_eq!((first["changes"].as_array().unwrap().len(), &first["more"]), (2, &json!(true)));
    // One that was read already, and one that was not.
    alice.put(&paths[0], json!({"title": "changed"})).await.ok();
    alice.delete(&paths[4]).await.expect(StatusCode::NO_CONTENT);
    let (mut token, mut seen) = (next(&first), Vec::new());
    loop {
        let page = alice.get(&format!("/api/changes?limit=2&since={token}")).await.ok().json();
        token = next(&page);
        seen.extend(page["changes"].as_array().unwrap().clone());
        if page["more"] == false {
            break;
        }
    }
    let what = |change: &Value| match change.get("deleted_at") {
        Some(_) => "deleted".to_owned(),
        None => change["task"]["title"].as_str().unwrap().to_owned(),
    };
    assert_eq!(seen.iter().map(what).collect::<Vec<_>>(), ["2", "3", "changed", "deleted"]);
}

#[tokio::test]
async fn a_token_of_somebody_else_or_of_nobody_is_rejected() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.task("t").await;
    let token = next(&changes(&alice, None).await);
    let detail = "since must be a token that this API returned to the same user";
    let (head, delivered) = token.split_once('.').unwrap();
    for nonsense in [
        "",
        "x",
        ".",
        "e30.",
        head,
        &format!("{head}.{delivered}A"),
        &format!("{head}.AAAA"),
        &changed(&token, |members| members["b"] = json!(-1)),
        &changed(&token, |members| members["f"] = json!(i64::MAX)),
        &changed(&token, |members| members["p"] = json!([0, "x"])),
        &changed(&token, |members| members["p"] = json!([i64::MAX, id("/x")])),
    ] {
        let reply = alice.get(&format!("/api/changes?since={nonsense}")).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail, "{nonsense}");
    }
    let others = bob.get(&format!("/api/changes?since={token}")).await;
    assert_eq!(others.problem(StatusCode::BAD_REQUEST), detail);
    for (query, detail) in [
        ("limit=0", "limit must be a whole number from 1 to 1000"),
        ("since=a&since=b", "since must be given only once"),
    ] {
        let reply = alice.get(&format!("/api/changes?{query}")).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail);
    }
}

#[tokio::test]
async fn a_token_that_is_too_old_or_from_another_table_asks_to_start_anew() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let good = token_from(&alice, 28).await;
    changes(&alice, Some(&good)).await;
    for stale in [
        token_from(&alice, 30).await,
        changed(&good, |members| members["t"] = json!("AAAA")),
        changed(&good, |members| *members = json!({"v": 2, "new": true})),
        changed(&good, |members| members["b"] = json!(members["b"].as_i64().unwrap() + AHEAD)),
    ] {
        let reply = alice.get(&format!("/api/changes?since={stale}")).await;
        let detail = reply.problem(StatusCode::GONE);
        assert!(detail.contains("send your own changes first"), "{detail}");
    }
}

#[tokio::test]
async fn a_token_stays_short_however_much_changes() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let mut token = next(&changes(&alice, None).await);
    for number in 0..120 {
        alice.task(&format!("{number}")).await;
    }
    assert_eq!(poll(&alice, &mut token).await.len(), 120);
    assert!(token.len() <= 2048, "{}", token.len());
    // More than it remembers: some come again, until they are a minute old.
    assert_eq!(poll(&alice, &mut token).await.len(), 20);
    let page = alice.get(&format!("/api/changes?limit=20&since={token}")).await.json();
    assert_eq!(page["changes"].as_array().unwrap().len(), 20, "what is known does not count");
}

#[tokio::test]
async fn without_a_trash_a_deletion_leaves_nothing() {
    let settings = Settings::default().with("TRASH", "off");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(app.stored_tasks().await.len(), 0);
    let page = changes(&alice, None).await;
    assert_eq!(page["changes"], json!([]));
    // A device that was not told of deletions starts anew when there is a trash.
    let app = TestApp::start().await;
    let reply = app.user("alice").get(&format!("/api/changes?since={}", next(&page))).await;
    reply.problem(StatusCode::GONE);
}
