//! `If-Match` and `If-None-Match`.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Caller, TestApp};

async fn put(caller: &Caller<'_>, path: &str, if_match: &str) -> StatusCode {
    let headers = [("if-match", if_match)];
    caller.json(Method::PUT, path, &headers, json!({"title": "T"})).await.status
}

#[tokio::test]
async fn a_write_that_names_the_current_version_succeeds() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let current = || async { alice.get(&path).await.header("etag").to_owned() };
    assert_eq!(put(&alice, &path, &current().await).await, StatusCode::OK);
    let list = format!("\"other\", {}", current().await);
    assert_eq!(put(&alice, &path, &list).await, StatusCode::OK);
    assert_eq!(put(&alice, &path, "*").await, StatusCode::OK);
    let complete = format!("{path}/complete");
    let tag = current().await;
    let flip = alice.send(Method::PATCH, &complete, &[("if-match", &tag)], vec![]).await;
    assert_eq!(flip.status, StatusCode::OK);
    let tag = current().await;
    let delete = alice.send(Method::DELETE, &path, &[("if-match", &tag)], vec![]).await;
    assert_eq!(delete.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_write_that_names_an_old_version_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let old = alice.get(&path).await.header("etag").to_owned();
    let current = alice.put(&path, json!({"title": "u"})).await.ok();
    let stale = StatusCode::PRECONDITION_FAILED;
    let headers = [("if-match", old.as_str())];
    let body = json!({"title": "T"});
    let detail = alice.json(Method::PUT, &path, &headers, body).await.problem(stale);
    let expected =
        "The task has changed: its current version does not meet If-Match or If-None-Match";
    assert_eq!(detail, expected);
    let nothing = alice.json(Method::PUT, &path, &headers, json!({})).await;
    assert_eq!(nothing.status, stale);
    let complete = format!("{path}/complete");
    assert_eq!(alice.send(Method::PATCH, &complete, &headers, vec![]).await.status, stale);
    assert_eq!(alice.send(Method::DELETE, &path, &headers, vec![]).await.status, stale);
    let weak = format!("W/{}", current.header("etag"));
    assert_eq!(put(&alice, &path, &weak).await, stale, "weak tags never match");
    assert_eq!(put(&alice, &path, "\"no-such-version\"").await, stale);
    assert_eq!(alice.get(&path).await.json(), current.json());
}

#[tokio::test]
async fn a_conflict_holds_the_current_task_and_its_tag_so_that_it_can_be_resolved_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let old = alice.get(&path).await.header("etag").to_owned();
    let mut tag = alice.put(&path, json!({"title": "u", "priority": "high"})).await.ok();
    let complete = format!("{path}/complete");
    for (method, path, body) in [
        (Method::PUT, &path, Some(json!({"title": "T"}))),
        (Method::PUT, &path, Some(json!({}))),
        (Method::PATCH, &complete, None),
        (Method::PATCH, &complete, Some(json!({"completed": true}))),
        (Method::DELETE, &path, None),
    ] {
        let headers = [("if-match", old.as_str())];
        let conflict = match body {
            Some(body) => alice.json(method, path, &headers, body).await,
            None => alice.send(method, path, &headers, vec![]).await,
        };
        assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
        assert_eq!(conflict.json()["current"], tag.json());
        assert_eq!(conflict.header("etag"), tag.header("etag"));
        let merge = [("if-match", conflict.header("etag"))];
        let body = json!({"description": format!("after {path}")});
        tag = alice.json(Method::PUT, path.trim_end_matches("/complete"), &merge, body).await.ok();
    }
}

#[tokio::test]
async fn another_users_task_is_never_part_of_a_conflict() {
    let app = TestApp::start().await;
    let path = app.user("alice").task("secret").await;
    let bob = app.user("bob");
    let headers = [("if-match", "\"another-version\"")];
    let changes = json!({"title": "T"});
    let reply = bob.json(Method::PUT, &path, &headers, changes).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.json().get("current").is_none());
}

#[tokio::test]
async fn a_write_that_excludes_the_current_version_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let tag = alice.get(&path).await.header("etag").to_owned();
    let complete = format!("{path}/complete");
    for known in ["*", &tag, &format!("W/{tag}"), &format!("\"a\", {tag}")] {
        let headers = [("if-none-match", known)];
        let stale = StatusCode::PRECONDITION_FAILED;
        // With a star, it would be a create.
        let nothing = json!({ "title": "T" });
        let nothing = if known == "*" { nothing } else { json!({}) };
        for body in [json!({"title": "T"}), nothing] {
            let put = alice.json(Method::PUT, &path, &headers, body).await;
            assert_eq!(put.status, stale, "{known}");
        }
        assert_eq!(alice.send(Method::PATCH, &complete, &headers, vec![]).await.status, stale);
        assert_eq!(alice.send(Method::DELETE, &path, &headers, vec![]).await.status, stale);
    }
    assert_eq!(alice.get(&path).await.header("etag"), tag);
    let other = [("if-none-match", "\"another-version\"")];
    alice.json(Method::PUT, &path, &other, json!({"title": "T"})).await.ok();
    let current = alice.get(&path).await.header("etag").to_owned();
    let both = [("if-match", current.as_str()), ("if-none-match", tag.as_str())];
    alice.send(Method::DELETE, &path, &both, vec![]).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn if_match_and_if_none_match_are_case_sensitive() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let tag = alice.get(&path).await.header("etag").to_uppercase();
    assert_eq!(put(&alice, &path, &tag).await, StatusCode::PRECONDITION_FAILED);
    alice.send(Method::GET, &path, &[("if-none-match", &tag)], vec![]).await.ok();
}

#[tokio::test]
async fn a_malformed_precondition_is_rejected() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let bare = alice.get(&path).await.header("etag").replace('"', "");
    for value in [bare.as_str(), "", "\"", "\"a\" \"b\""] {
        let reply = alice.json(Method::PUT, &path, &[("if-match", value)], json!({})).await;
        let detail = reply.problem(StatusCode::BAD_REQUEST);
        assert_eq!(detail, "If-Match must be * or a list of entity tags in double quotes");
    }
    let many = vec![format!("\"{bare}\""); 101].join(",");
    let reply = alice.json(Method::PUT, &path, &[("if-match", &many)], json!({})).await;
    let detail = reply.problem(StatusCode::BAD_REQUEST);
    assert_eq!(detail, "If-Match must have at most 100 entity tags");
    let most = vec![format!("\"{bare}\""); 100].join(",");
    assert_eq!(put(&alice, &path, &most).await, StatusCode::OK);
}

#[tokio::test]
async fn a_precondition_on_a_missing_task_is_not_found() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    alice.delete(&path).await;
    assert_eq!(put(&alice, &path, "*").await, StatusCode::NOT_FOUND);
    assert_eq!(put(&alice, &path, "\"a\"").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let tag = alice.get(&path).await.header("etag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"a\", {tag}"), "*".into()] {
        let reply = alice.send(Method::GET, &path, &[("if-none-match", &known)], vec![]).await;
        assert_eq!(reply.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(reply.header("etag"), tag);
        assert!(reply.body.is_empty());
    }
    alice.flip(&path).await;
    let reply = alice.send(Method::GET, &path, &[("if-none-match", &tag)], vec![]).await;
    assert_eq!(reply.ok().json()["completed"], true);
}

#[tokio::test]
async fn of_two_writes_with_the_same_precondition_one_wins() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    for _ in 0..5 {
        let tag = alice.get(&path).await.header("etag").to_owned();
        let (a, b) = tokio::join!(put(&alice, &path, &tag), put(&alice, &path, &tag));
        let mut both = [a, b];
        both.sort();
        assert_eq!(both, [StatusCode::OK, StatusCode::PRECONDITION_FAILED]);
    }
}
