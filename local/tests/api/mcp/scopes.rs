//! Tokens for reading only.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_token_for_reading_only_changes_nothing_anywhere() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let id = path.rsplit_once('/').unwrap().1;
    let before = alice.get("/api/export").await.json();
    for scope in [
        json!("openid tasks:read"),
        json!(["tasks:read", "profile"]),
        json!(["openid tasks:read"]),
        json!("https://api.example.com/tasks:read"),
    ] {
        let reader = app.user_with_scope("alice", &scope);
        reader.get(&path).await.ok();
        assert_eq!(reader.get("/api/tasks").await.titles(), ["t"]);
        reader.get("/api/changes").await.ok();
        reader.get("/api/export").await.ok();
        let found = reader.tool("find_tasks", json!({})).await.done();
        assert_eq!(found["tasks"][0]["id"], id);
        let operation = json!({"op": "delete", "id": id});
        for reply in [
            reader.post("/api/tasks", json!({"title": "u"})).await,
            reader.put(&path, json!({"title": "T"})).await,
            reader.flip(&path).await,
            reader.delete(&path).await,
            reader.post(&format!("{path}/restore"), json!({})).await,
            reader.post("/api/batch", json!({"operations": [operation]})).await,
            reader.delete("/api/account-data?confirm=alice").await,
        ] {
            let challenge = reply.header("www-authenticate").to_owned();
            assert!(challenge.contains("insufficient_scope") && challenge.contains("tasks:write"));
            let detail = reply.problem(StatusCode::FORBIDDEN);
            assert_eq!(detail, "The token lacks the scope tasks:write");
        }
        for tool in ["add", "update", "complete", "reopen", "delete", "restore"] {
            let params = json!({"name": format!("{tool}_tasks"), "arguments": {"ids": [id]}});
            let reply = reader.mcp("tools/call", params).await;
            assert!(reply.header("www-authenticate").contains("scope=\"tasks:write\""), "{tool}");
            reply.problem(StatusCode::FORBIDDEN);
        }
    }
    assert_eq!(alice.get("/api/export").await.json(), before);
    for scope in [
        json!("tasks:read tasks:write"),
        json!("openid profile"),
        json!(["x/tasks:write", "x/tasks:read"]),
    ] {
        let writer = app.user_with_scope("alice", &scope);
        writer.json(Method::PUT, &path, &[], json!({"priority": "low"})).await.ok();
        writer.tool("complete_tasks", json!({"ids": [id]})).await.done();
    }
}
