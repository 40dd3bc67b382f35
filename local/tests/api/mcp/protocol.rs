//! Messages of the protocol, good and bad.

use local::dynamodb::Data;
use local::settings::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{REVISION, message};
use crate::support::{Reply, TestApp};

const VERSION: &str = "mcp-protocol-version";

/// The status of a reply, and the code of its error.
fn outcome(reply: &Reply) -> (u16, i64) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply.status.as_u16(), body["error"]["code"].as_i64().unwrap_or_default())
}

#[tokio::test]
async fn a_client_of_the_current_revision_needs_no_handshake() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let discovered = alice.mcp("server/discover", json!({})).await.ok().json();
    let result = &discovered["result"];
    assert_eq!(result["supportedVersions"], json!([REVISION]));
    assert_eq!(result["capabilities"], json!({"tools": {}}));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "tasks-api");
    let listed = alice.mcp("tools/list", json!({})).await.ok().json();
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 7);
    assert_eq!(listed["result"]["cacheScope"], "public");
    let other_page = alice.mcp("tools/list", json!({"cursor": "x"})).await;
    assert_eq!(outcome(&other_page), (200, -32602));
    for method in ["ping", "initialize", "prompts/list", "notifications/initialized"] {
        assert_eq!(outcome(&alice.mcp(method, json!({})).await), (404, -32601), "{method}");
    }
}

#[tokio::test]
async fn an_older_client_begins_with_a_handshake() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (asked, answered) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
        (REVISION, "2025-11-25"),
    ] {
        let params = json!({"protocolVersion": asked, "capabilities": {}});
        let initialize =
            json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params});
        let reply = alice.post("/mcp", initialize).await.ok();
        assert!(!reply.headers.contains_key("mcp-session-id"));
        let reply = reply.json();
        assert_eq!(reply["id"], "a");
        assert_eq!(reply["result"]["protocolVersion"], answered);
        assert!(reply["result"]["instructions"].as_str().unwrap().contains("never follow"));
    }
    let headers = [(VERSION, "2025-11-25")];
    let send = async |message: Value| alice.json(Method::POST, "/mcp", &headers, message).await;
    let notification = send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    assert!(notification.expect(StatusCode::ACCEPTED).body.is_empty());
    let ping = send(json!({"jsonrpc": "2.0", "id": 0, "method": "ping"})).await;
    assert_eq!(ping.ok().json(), json!({"jsonrpc": "2.0", "id": 0, "result": {}}));
    let params = json!({"name": "add_tasks", "arguments": {"tasks": [{"title": "t"}]}});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let result = send(call).await.ok().json()["result"].take();
    assert_eq!(result["structuredContent"]["done"], 1);
    assert_eq!(result.get("resultType"), None);
    let unknown = send(json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/list"})).await;
    assert_eq!(outcome(&unknown), (200, -32601));
    let stream = alice.send(Method::GET, "/mcp", &[], vec![]).await;
    assert_eq!(stream.expect(StatusCode::METHOD_NOT_ALLOWED).header("allow"), "POST");
}

#[tokio::test]
async fn headers_that_disagree_with_the_body_are_refused_before_anything_is_done() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let arguments = json!({"tasks": [{"title": "t"}]});
    let call = message("tools/call", json!({"name": "add_tasks", "arguments": arguments}));
    let (method, name) = ("mcp-method", "mcp-name");
    for (headers, expected) in [
        (vec![(VERSION, REVISION), (method, "tools/call"), (name, "find_tasks")], -32020),
        (vec![(VERSION, REVISION), (method, "tools/call")], -32020),
        (vec![(VERSION, REVISION), (method, "tools/list"), (name, "add_tasks")], -32020),
        (vec![(VERSION, REVISION), (name, "add_tasks")], -32020),
        (vec![(VERSION, "2025-11-25"), (method, "tools/call"), (name, "add_tasks")], -32020),
        (vec![(method, "tools/call"), (name, "add_tasks")], -32020),
        (vec![(VERSION, REVISION), (method, "tools/call"), (name, "=?base64?!?=")], -32020),
        (vec![(VERSION, REVISION), (method, "tools/call"), (name, "=?base64?YWRkX3Rhc2tz?=")], 0),
    ] {
        let reply = alice.json(Method::POST, "/mcp", &headers, call.clone()).await;
        let status = if expected == 0 { 200 } else { 400 };
        assert_eq!(outcome(&reply), (status, expected), "{headers:?}");
        assert_eq!(reply.json()["id"], 7);
    }
    // An older client need not send them, but if it does, they must be true.
    let older = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "add_tasks", "arguments": {"tasks": [{"title": "t"}]}}});
    for headers in [[(name, "find_tasks")], [(method, "tools/list")]] {
        let reply = alice.json(Method::POST, "/mcp", &headers, older.clone()).await;
        assert_eq!(outcome(&reply), (400, -32020), "{headers:?}");
    }
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 1, "only the last one of the first");
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let json_type = ("content-type", "application/json");
    let of_a_client = |meta: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}})
            .to_string()
    };
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    for (body, named, expected) in [
        (String::new(), None, -32700),
        ("{\"jsonrpc\":".to_owned(), None, -32700),
        ("[]".to_owned(), None, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#.to_owned(), None, -32600),
        ("\"ping\"".to_owned(), None, -32600),
        ("{}".to_owned(), None, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#.to_owned(), None, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_owned(), None, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_owned(), None, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#.to_owned(), None, -32600),
        (
            format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(300)),
            None,
            -32600,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#.to_owned(), None, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#.to_owned(), None, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned(), None, -32600),
        (of_a_client(json!(7)), None, -32602),
        (of_a_client(json!({})), Some(REVISION), -32602),
        (of_a_client(json!({version: REVISION})), Some(REVISION), -32602),
        (of_a_client(json!({version: 7, capabilities: {}})), Some(REVISION), -32602),
        (of_a_client(json!({version: "2099-01-01", capabilities: {}})), Some("2099-01-01"), -32022),
        (of_a_client(json!({})), Some("1999-01-01"), -32022),
    ] {
        let mut headers = vec![json_type];
        headers.extend(named.map(|named| (VERSION, named)));
        let reply = alice.send(Method::POST, "/mcp", &headers, body.clone().into_bytes()).await;
        assert_eq!(outcome(&reply), (400, expected), "{body}");
        if expected == -32022 {
            let supported = &reply.json()["error"]["data"]["supported"];
            assert_eq!(*supported, json!([REVISION, "2025-11-25", "2025-06-18"]));
        }
    }
    let text = [("content-type", "text/plain")];
    let reply = alice.send(Method::POST, "/mcp", &text, b"{}".to_vec()).await;
    reply.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = json!({"jsonrpc": "2.0", "id": 1, "method": "x".repeat(2 * 1024 * 1024)});
    alice.post("/mcp", long).await.problem(StatusCode::PAYLOAD_TOO_LARGE);
    for params in [json!({}), json!({"name": 7}), json!({"name": "find_tasks", "arguments": []})] {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        assert_eq!(outcome(&alice.post("/mcp", call).await), (200, -32602), "{params}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let settings = Settings::default().with("BETTER_AUTH_URL", "https://app.example.com");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let alice = app.user("alice");
    for (host, origin, status) in [
        (None, "http://127.0.0.1:6274", 200),
        (None, "https://app.example.com", 200),
        (Some("api.example.com"), "https://app.example.com", 200),
        (None, "https://evil.example", 403),
        (None, "null", 403),
        (Some("evil.example"), "http://evil.example", 403),
        (Some("evil.example"), "http://localhost:3000", 403),
    ] {
        let mut headers = vec![("origin", origin)];
        headers.extend(host.map(|host| ("host", host)));
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        let reply = alice.json(Method::POST, "/mcp", &headers, ping).await;
        assert_eq!(reply.status.as_u16(), status, "{host:?} {origin}");
    }
}

#[tokio::test]
async fn a_client_without_a_token_learns_where_tokens_come_from() {
    let settings = Settings::default().with("JWT_ISSUER", "https://issuer.example");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let anonymous = app.anonymous();
    let url = app.server.url();
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let reply = anonymous.post("/mcp", ping.clone()).await.expect(StatusCode::UNAUTHORIZED);
    let metadata = format!("{url}/.well-known/oauth-protected-resource/mcp");
    let challenge = format!("Bearer realm=\"tasks\", resource_metadata=\"{metadata}\"");
    assert_eq!(reply.header("www-authenticate"), challenge);
    for path in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        let metadata = anonymous.get(&path).await.ok().json();
        let expected = json!({
            "resource": format!("{url}/mcp"),
            "authorization_servers": ["https://issuer.example"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Tasks",
        });
        assert_eq!(metadata, expected);
    }
    app.user("alice").post("/mcp", ping.clone()).await.ok();
    // Without an issuer there is nothing to say.
    let app = TestApp::start().await;
    let reply = app.anonymous().post("/mcp", ping).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"tasks\"");
    let path = "/.well-known/oauth-protected-resource";
    app.anonymous().get(path).await.problem(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn tokens_of_agents_can_be_for_nothing_else() {
    let resource = "https://api.example.com/mcp";
    let settings = Settings::default()
        .with("JWT_ISSUER", "https://issuer.example")
        .with("JWT_AUDIENCE", "tasks")
        .with("MCP_RESOURCE", resource);
    let app = TestApp::start_with(settings.clone(), Data::Memory).await;
    let alice = app.user("alice");
    let ping = || json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    alice.get("/api/tasks").await.ok();
    let reply = alice.post("/mcp", ping()).await;
    assert_eq!(
        reply.problem(StatusCode::UNAUTHORIZED),
        "The token is not meant for this API (aud)"
    );
    let agent = settings.with("JWT_AUDIENCE", resource);
    let hour = std::time::Duration::from_secs(3600);
    let token = local::token::sign(&agent, None, "alice", hour).unwrap();
    let unscoped = app.with_authorization(&format!("Bearer {token}"));
    unscoped.post("/mcp", ping()).await.ok();
    unscoped.get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
    let metadata = unscoped.get("/.well-known/oauth-protected-resource/mcp").await.ok().json();
    assert_eq!(metadata["resource"], resource);
    assert_eq!(metadata["scopes_supported"], json!(["tasks:read", "tasks:write"]));
    // A person who grants an agent `openid` grants no tasks.
    let call = |tool: &str| json!({"name": tool, "arguments": {"tasks": [{"title": "t"}]}});
    for (tool, scope) in [("find_tasks", "tasks:read"), ("add_tasks", "tasks:write")] {
        let reply = unscoped.mcp("tools/call", call(tool)).await;
        assert!(reply.header("www-authenticate").contains(&format!("scope=\"{scope}\"")));
        let detail = reply.problem(StatusCode::FORBIDDEN);
        assert_eq!(detail, format!("The token lacks the scope {scope}"));
        let granted = json!(format!("openid {scope}"));
        let token = local::token::sign_scoped(&agent, None, "alice", hour, Some(&granted)).unwrap();
        let scoped = app.with_authorization(&format!("Bearer {token}"));
        scoped.mcp("tools/call", call(tool)).await.ok();
    }
}
