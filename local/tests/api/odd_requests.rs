//! Requests with strings that are not valid URLs, hosts or base64. API Gateway passes them
//! on. A function answers each of them, and logs its usual line.

use local::lambda::Outcome;
use local::settings::{Settings, repository};
use local::{event_tasks, tables};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::TestApp;

/// An API with the tasks that the files in `events/` refer to.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    let client = tables::client(app.server.backend().dynamodb_url());
    event_tasks::load(&client, &Settings::default()).await.unwrap();
    app
}

/// The event in `events/` for `function`, with `change` merged into it.
fn event(function: &str, change: &Value) -> Value {
    let file = repository().join("events").join(format!("{function}.json"));
    let mut event: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    merge(&mut event, change);
    event
}

fn merge(base: &mut Value, change: &Value) {
    match change {
        Value::Object(members) => {
            for (name, value) in members {
                merge(&mut base[name], value);
            }
        }
        other => *base = other.clone(),
    }
}

/// Sends `function` its event with `change`, and returns the status and the body.
async fn invoke(app: &TestApp, function: &str, change: &Value) -> (u64, Value) {
    let event = event(function, change).to_string().into();
    let outcome = app.server.backend().lambda().invoke(function, event).await.unwrap();
    let Outcome::Reply(reply) = outcome else { panic!("{change}: {outcome:?}") };
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    let body = reply["body"].as_str().map(|body| serde_json::from_str(body).unwrap());
    (reply["statusCode"].as_u64().unwrap(), body.unwrap_or_default())
}

/// Stops the functions of `app`, and returns the lines of the requests that they answered.
async fn lines(app: &TestApp) -> Vec<Value> {
    app.server.backend().lambda().stop().await;
    let lines = app.logs();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get("operation").is_some()).collect()
}

#[tokio::test]
async fn a_query_need_not_be_percent_encoded() {
    let app = app().await;
    let long = format!("x={}&limit=0", "x".repeat(70_000));
    let queries = [
        "x=a b&limit=0",
        "x=\"a\"&limit=0",
        "x=<b>&limit=0",
        "x=a#b&limit=0",
        "x=\\^`{|}[]&limit=0",
        "x=\u{0}\n\u{7f}ä👋&limit=0",
        "x=%&x=%ff&x=%zz&limit=0",
        "?x=?&limit=0",
        " &=&limit=0",
        &long,
    ];
    for query in queries {
        let (status, body) = invoke(&app, "list-tasks", &json!({"rawQueryString": query})).await;
        assert_eq!(status, 400, "{query:.40}");
        assert_eq!(body["detail"], "limit must be a whole number from 1 to 1000", "{query:.40}");
        let harmless = query.replace("limit=0", "limit=1");
        let (status, _) = invoke(&app, "list-tasks", &json!({"rawQueryString": harmless})).await;
        assert_eq!(status, 200, "{harmless:.40}");
    }
    assert_eq!(lines(&app).await.len(), queries.len() * 2);
}

#[tokio::test]
async fn odd_protocols_hosts_and_paths_do_not_matter() {
    let app = app().await;
    let mut changes = Vec::new();
    for protocol in ["https,http", "", "1", "javascript", "data", "://", "http://x/?limit=0#"] {
        changes.push(json!({"headers": {"x-forwarded-proto": protocol}}));
    }
    for host in ["a b", "", "[", "a:99999", "a:b", "<>", "%", "xn--a", "ä", "a?limit=0&", "a#", "@"]
    {
        changes.push(json!({"headers": {"host": host}}));
    }
    for path in ["", "x", ":99999", "@:x", "//", "/a b?limit=0", "/#", "/\u{0}\n👋", "\\"] {
        changes.push(json!({"rawPath": path}));
        let nowhere =
            json!({"requestContext": {"domainName": null}, "headers": {"host": "\u{a0}"}});
        let mut change = json!({"rawPath": path});
        merge(&mut change, &nowhere);
        changes.push(change);
    }
    changes.push(json!({"rawPath": format!("/{}", "x".repeat(70_000))}));
    changes.push(json!({"requestContext": {"stage": "a b\"?<#", "domainName": "\""}}));
    changes.push(json!({"cookies": ["\u{0}", "a=b", "ä"]}));
    for change in &changes {
        let (status, _) = invoke(&app, "list-tasks", change).await;
        assert_eq!(status, 200, "{:.80}", change.to_string());
    }
    assert_eq!(lines(&app).await.len(), changes.len());
}

#[tokio::test]
async fn a_body_that_is_not_valid_base64_is_a_400_in_the_log() {
    let app = app().await;
    let bodies = ["{\"title\": \"t\"}", "%", "e30", "e30=e30=", " e30=", "e30=\n", "ä", "e31="];
    for body in bodies {
        let change = json!({"isBase64Encoded": true, "body": body});
        let (status, problem) = invoke(&app, "create-task", &change).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(problem["title"], "Bad Request");
        assert_eq!(problem["detail"], "The body is not valid base64");
        assert!(!problem["request_id"].as_str().unwrap().is_empty());
    }
    // "{}" in base64 is decoded, and is a task without a title.
    let change = json!({"isBase64Encoded": true, "body": "e30="});
    let (_, problem) = invoke(&app, "create-task", &change).await;
    assert_eq!(problem["detail"], "title is required");
    let lines = lines(&app).await;
    assert_eq!(lines.len(), bodies.len() + 1);
    for line in &lines {
        assert_eq!(line["status"], 400);
        assert_eq!(line["message"], "create-task 400");
        assert_eq!(line["ClientErrors"], 1);
        assert!(line["detail"].is_string() && line.get("cause").is_none(), "{line}");
    }
    let logs = app.logs().join("\n");
    assert!(!logs.contains("panicked"), "{logs}");
}

#[tokio::test]
async fn the_gateway_passes_odd_requests_on() {
    let app = TestApp::start().await;
    let url = app.server.url();
    let address = url.strip_prefix("http://").unwrap();
    for (target, headers) in [
        ("/api/tasks?q=ä|^\\`{}[]", "host: localhost"),
        ("/api/tasks?%zz=%", "host: localhost"),
        ("/api/tasks", "host: a b"),
        ("/api/tasks", "host: a:99999"),
        ("/api/tasks/%00%0a%22%3f%23", "host: localhost"),
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        connection.read_to_string(&mut reply).await.unwrap();
        // Only a function answers 401, because the token is missing.
        let status = StatusCode::UNAUTHORIZED.as_u16();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{target} {headers}: {reply}");
    }
}
