//! The document and the API agree. Every reply that other tests get is checked against the
//! document (`support/document.rs`). These tests provoke every reply that is documented.

use futures::future::join_all;
use local::{TASKS_TABLE, tables};
use reqwest::Method;
use serde_json::{Value, json};
use shared::http::MAX_BATCH_BYTES;
use shared::task::TaskId;

use crate::changes::token_from;
use crate::mcp::{REVISION, message};
use crate::support::document::{Documented, Header, check, document, replies, validator};
use crate::support::{Reply, TestApp};

const METADATA: &str = "/.well-known/oauth-protected-resource";
const UNKNOWN: &str = "/api/tasks/01a1f8c8-b570-72e1-a943-5e26883ce3c8";

/// A message that is answered with `status`.
fn mcp_message(status: u16) -> Value {
    match status {
        202 => json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        403 => {
            let params = json!({"name": "add_tasks"});
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        }
        404 => message("x", json!({})),
        _ => json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    }
}

/// Sends the request that makes the operation answer with `status`. For some statuses the
/// API must have faults.
async fn provoke(app: &TestApp, operation: &str, status: u16, task: &str) -> Reply {
    let (alice, bob, anonymous) = (app.user("alice"), app.user("bob"), app.anonymous());
    let mut carol = app.user("carol");
    let reader = app.user_with_scope("alice", &json!("tasks:read"));
    let (method, mut path, mut body) = match operation {
        "list-tasks" => (Method::GET, "/api/tasks?limit=1".to_owned(), None),
        "create-task" => (Method::POST, "/api/tasks".to_owned(), Some(json!({"title": "t"}))),
        "get-task" => (Method::GET, task.to_owned(), None),
        "update-task" => (Method::PUT, task.to_owned(), Some(json!({"title": "T"}))),
        "delete-task" => (Method::DELETE, task.to_owned(), None),
        "toggle-task" => (Method::PATCH, format!("{task}/complete"), Some(json!({}))),
        "restore-task" => (Method::POST, format!("{task}/restore"), None),
        "list-changes" => (Method::GET, "/api/changes".to_owned(), None),
        "batch-tasks" => {
            let operations = json!({"operations": [{"op": "restore", "id": "x"}]});
            (Method::POST, "/api/batch".to_owned(), Some(operations))
        }
        "mcp" => (Method::POST, "/mcp".to_owned(), Some(mcp_message(status))),
        "mcp-stream" => (Method::GET, "/mcp".to_owned(), None),
        "mcp-metadata" => (Method::GET, format!("{METADATA}/mcp"), None),
        "mcp-metadata-at-root" => (Method::GET, METADATA.to_owned(), None),
        "export-tasks" => (Method::GET, "/api/export?limit=1".to_owned(), None),
        // Of a user without tasks, so that the others keep theirs.
        "erase-tasks" => (Method::DELETE, "/api/account-data?confirm=carol".to_owned(), None),
        "docs-file" => (Method::GET, "/docs/page.css".to_owned(), None),
        "openapi" => (Method::GET, "/openapi.json".to_owned(), None),
        known => (Method::GET, format!("/{known}"), None),
    };
    let mut headers = vec![("accept-encoding", "gzip")];
    let mut caller = &alice;
    match (operation, status) {
        ("list-tasks", 400) => path = "/api/tasks?limit=0".into(),
        ("export-tasks", 400) => path = "/api/export?limit=0".into(),
        ("erase-tasks", 202) => {
            // It begins after the only task.
            carol = app.user("dave");
            carol.task("t").await;
            path = format!("/api/account-data?confirm=dave&cursor={}", TaskId::new());
        }
        ("erase-tasks", 400) => path = "/api/account-data?confirm=x".into(),
        ("list-changes", 400) => path = "/api/changes?since=x".into(),
        ("list-changes", 410) => {
            path = format!("/api/changes?since={}", token_from(&alice, 30).await);
        }
        ("update-task", 200 | 201) => {
            path = format!("/api/tasks/{}", TaskId::new());
            headers.push(("if-none-match", "*"));
        }
        ("update-task", 409) => {
            alice.delete(&path).await;
            headers.push(("if-none-match", "*"));
        }
        ("create-task" | "batch-tasks", 400) => body = Some(json!({})),
        ("batch-tasks", 413) => body = Some(json!("x".repeat(MAX_BATCH_BYTES))),
        ("create-task", 201 | 409 | 422) => headers.push(("idempotency-key", "key")),
        ("mcp", 400) => body = Some(json!({})),
        ("mcp", 404) => headers.extend([("mcp-protocol-version", REVISION), ("mcp-method", "x")]),
        ("mcp", 413) => body = Some(json!("x".repeat(MAX_BATCH_BYTES))),
        (_, 304) => headers.push(("if-none-match", "*")),
        ("get-task", 400) => headers.push(("if-none-match", "x")),
        (_, 400) => headers.push(("if-match", "x")),
        (_, 401) => caller = &anonymous,
        ("get-task", 403) => caller = &bob,
        (_, 403) => caller = &reader,
        ("docs-file", 404) => path = "/docs/nothing".into(),
        (_, 404) => path = path.replace(task, UNKNOWN),
        (_, 412) => headers.push(("if-match", "\"x\"")),
        (_, 413) => body = Some(json!("x".repeat(33_000))),
        _ => {}
    }
    if operation == "erase-tasks" && ![401, 403].contains(&status) {
        caller = &carol;
    }
    if (operation, status) == ("create-task", 422) {
        body = Some(json!({"title": "another"}));
    }
    let media_type = if status == 415 { "text/plain" } else { "application/json" };
    headers.extend(body.as_ref().map(|_| ("content-type", media_type)));
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let send = || caller.send(method.clone(), &path, &headers, body.clone());
    let first = send().await;
    // Only the second reply has the header of a replay.
    let is_replay = matches!((operation, status), ("create-task", 201) | ("update-task", 200));
    if is_replay { send().await } else { first }
}

/// Makes the API answer with each of `documented`, and checks the headers.
async fn provoke_all(app: &TestApp, documented: Vec<Documented>) {
    let alice = app.user("alice");
    let tasks =
        join_all(documented.iter().map(|_| alice.post("/api/tasks", json!({"title": "t"}))));
    // If the API cannot create tasks, any path will do.
    let tasks: Vec<String> = tasks
        .await
        .into_iter()
        .map(|reply| reply.headers.get("location").cloned().unwrap_or_else(|| UNKNOWN.to_owned()))
        .collect();
    join_all(documented.iter().zip(&tasks).map(async |(documented, task)| {
        let Documented { operation, status, headers, .. } = documented;
        let reply = provoke(app, operation, *status, task).await;
        assert_eq!(reply.status.as_u16(), *status, "{operation}");
        for Header { name, .. } in headers {
            assert!(reply.headers.contains_key(name), "{operation} {status} without {name}");
        }
    }))
    .await;
}

#[tokio::test]
async fn every_documented_reply_occurs_with_all_its_headers() {
    // 429 comes from the gateway, and the local one does not throttle.
    let (works, fails): (Vec<_>, Vec<_>) = replies()
        .into_iter()
        .filter(|reply| reply.status != 429)
        // Whatever DynamoDB does, a batch and a tool have results (`key_sets` has their 503).
        .filter(|reply| {
            !matches!((reply.operation.as_str(), reply.status), ("batch-tasks" | "mcp", 503))
        })
        // Only with an issuer (`mcp/protocol.rs`).
        .filter(|reply| !(reply.operation.starts_with("mcp-metadata") && reply.status == 200))
        .partition(|reply| ![409, 500, 503].contains(&reply.status));
    assert!(!works.is_empty() && !fails.is_empty());
    let failing =
        |status| fails.iter().filter(move |it| it.status == status).cloned().collect::<Vec<_>>();
    let app = TestApp::start().await;
    // These come first: the others use the same key with other bodies.
    let (creations, others) =
        works.into_iter().partition(|it| it.operation == "create-task" && it.status == 201);
    provoke_all(&app, creations).await;
    provoke_all(&app, others).await;

    app.faults().set_rates("TransactWriteItems:conflict=1".parse().unwrap());
    provoke_all(&app, failing(409)).await;
    app.faults().set_rates("throttle=1".parse().unwrap());
    provoke_all(&app, failing(503)).await;
    app.faults().set_rates("".parse().unwrap());
    let client = tables::client(&app.server.backend().embedded_url());
    client.delete_table().table_name(TASKS_TABLE).send().await.unwrap();
    provoke_all(&app, failing(500)).await;
}

#[test]
fn every_operation_documents_the_gateways_429() {
    let replies = replies();
    for documented in &replies {
        let operation = &documented.operation;
        let throttled = replies.iter().find(|it| it.operation == *operation && it.status == 429);
        let throttled = throttled.unwrap_or_else(|| panic!("{operation} has no 429"));
        assert!(throttled.headers.is_empty(), "{operation}: the gateway sends no such headers");
        let [(media_type, schema)] = &throttled.content[..] else { panic!("{operation}") };
        assert_eq!(media_type, "application/json");
        assert!(validator(schema).is_valid(&json!({"message": "Too Many Requests"})));
        assert!(!validator(schema).is_valid(&json!({"detail": "Too Many Requests"})));
    }
}

#[tokio::test]
async fn an_undocumented_reply_is_detected() {
    let app = TestApp::start().await;
    let good = app.user("alice").get("/api/tasks").await.ok();
    let noticed = |change: fn(&mut Reply)| {
        let mut reply = Reply { headers: good.headers.clone(), body: good.body.clone(), ..good };
        change(&mut reply);
        let checked = std::panic::AssertUnwindSafe(|| check("GET", "/api/tasks", &reply));
        std::panic::catch_unwind(checked).is_err()
    };
    assert!(!noticed(|_| {}));
    assert!(noticed(|reply| reply.status = reqwest::StatusCode::IM_A_TEAPOT));
    assert!(noticed(|reply| reply.body = br#"[{"id": "only"}]"#.to_vec()));
    assert!(noticed(|reply| {
        reply.headers.insert("x-new".into(), "1".into());
    }));
    assert!(noticed(|reply| {
        reply.headers.remove("cache-control");
    }));
    assert!(noticed(|reply| {
        reply.headers.insert("content-type".into(), "text/html".into());
    }));
    assert!(noticed(|reply| {
        reply.headers.insert("cache-control".into(), "public".into());
    }));
    assert!(noticed(|reply| {
        reply.headers.insert("link".into(), "</>".into());
    }));
    assert!(noticed(|reply| reply.body = vec![]));
    assert!(noticed(|reply| reply.body = b"{}".to_vec()));
    assert!(noticed(|reply| reply.body = br#"{"message": "x"}"#.to_vec()));
}

#[tokio::test]
async fn the_served_document_is_the_one_in_the_repository() {
    let app = TestApp::start().await;
    let served = app.anonymous().get("/openapi.json").await.ok();
    assert_eq!(served.json(), *document());
    let tag = served.header("etag").to_owned();
    let again = [("if-none-match", tag.as_str())];
    let known = app.anonymous().send(Method::GET, "/openapi.json", &again, vec![]).await;
    assert_eq!(known.status, 304);
    // The compressed document is a different representation.
    let gzip = [("if-none-match", tag.as_str()), ("accept-encoding", "gzip")];
    let compressed = app.anonymous().send(Method::GET, "/openapi.json", &gzip, vec![]).await.ok();
    assert_eq!(compressed.header("content-encoding"), "gzip");
    assert_ne!(compressed.header("etag"), tag);
    assert!(compressed.body.len() * 4 < served.body.len());
}

#[tokio::test]
async fn only_the_documented_files_of_the_page_are_served() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let file = &document()["paths"]["/docs/{file}"]["get"]["parameters"][0]["schema"]["enum"];
    let mut types = std::collections::BTreeSet::new();
    for name in file.as_array().unwrap() {
        let path = format!("/docs/{}", name.as_str().unwrap());
        let reply = anonymous.get(&path).await.ok();
        assert!(!reply.body.is_empty(), "{path}");
        types.insert(reply.header("content-type").split(';').next().unwrap().to_owned());
    }
    let documented = replies().into_iter().find(|it| it.operation == "docs-file").unwrap();
    assert_eq!(types, documented.content.into_iter().map(|(name, _)| name).collect());
    for name in ["docs", "openapi.json", "page.html", ".", "..%2fdocs", "PAGE.css", "page.css%00"] {
        let reply = anonymous.get(&format!("/docs/{name}")).await;
        assert_eq!(reply.status, 404, "{name}");
    }
    // The page contains a token, so it must not be cached.
    let page = anonymous.get("/docs").await.ok();
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(String::from_utf8(page.body).unwrap().contains("data-token=\"ey"));
}
