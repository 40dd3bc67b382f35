//! Which tokens are accepted. `shared/src/auth/tests.rs` tests the checks themselves.

use std::time::Duration;

use local::dynamodb::Data;
use local::settings::Settings;
use local::template::Route;
use local::token;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::TestApp;
use crate::support::document::document;

const ID: &str = "01a1f82f-1e80-7000-8000-00000000000a";

#[tokio::test]
async fn every_task_endpoint_requires_a_token() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let functions = app.server.backend().template().functions.iter();
    let routes = functions.filter(|it| it.serves_users()).flat_map(|function| &function.routes);
    let is_public = |route: &Route| {
        let operation = &document()["paths"][&route.path][route.method.to_lowercase()];
        operation["security"] == json!([])
    };
    let public: Vec<_> = routes.clone().filter(|route| is_public(route)).collect();
    assert!(public.iter().all(|route| route.method == "GET"), "of agents: {public:?}");
    assert_eq!(public.len(), 3, "{public:?}");
    for route in routes.filter(|route| !is_public(route)) {
        let (method, path) = (route.method.parse().unwrap(), route.path.replace("{task_id}", ID));
        let reply = anonymous.json(method, &path, &[], json!({"title": "t"})).await;
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"tasks\"");
        let detail = reply.problem(StatusCode::UNAUTHORIZED);
        assert_eq!(detail, "Not authenticated: send Authorization: Bearer <token>");
    }
}

#[tokio::test]
async fn a_rejection_states_the_reason_in_the_body_and_in_the_challenge() {
    let app = TestApp::start().await;
    let expired = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiZXhwIjoxfQ.";
    for (authorization, code, detail) in [
        ("Basic YTpi", "invalid_request", "The Authorization header must be: Bearer <token>"),
        ("Bearer nonsense", "invalid_token", "The token is not a well-formed JWT"),
        (&format!("Bearer {expired}AAAA"), "invalid_token", "The token's signature is not valid"),
    ] {
        let reply = app.with_authorization(authorization).get("/api/tasks").await;
        let challenge = reply.header("www-authenticate").to_owned();
        assert_eq!(
            challenge,
            format!("Bearer realm=\"tasks\", error=\"{code}\", error_description=\"{detail}\"")
        );
        assert_eq!(reply.problem(StatusCode::UNAUTHORIZED), detail);
    }
}

#[tokio::test]
async fn a_user_id_may_be_any_text() {
    let app = TestApp::start().await;
    for name in ["a/b", "auth0|5f7c8ec7c33c6c004bbafe82", "ünïcödé 👋", "a#b", &"x".repeat(1024)]
    {
        let user = app.user(name);
        let path = user.task("t").await;
        assert_eq!(user.get(&path).await.ok().json()["user_id"], name);
        assert_eq!(user.get("/api/tasks?sort=title").await.titles(), ["t"]);
    }
}

#[tokio::test]
async fn the_configured_issuer_and_audience_are_required() {
    let settings = Settings::default()
        .with("JWT_ISSUER", "https://issuer.example")
        .with("JWT_AUDIENCE", "tasks");
    let app = TestApp::start_with(settings, Data::Memory).await;
    app.user("alice").get("/api/tasks").await.ok();
    let hour = Duration::from_secs(3600);
    let plain = token::sign(&Settings::default(), None, "alice", hour).unwrap();
    let reply = app.with_authorization(&format!("Bearer {plain}")).get("/api/tasks").await;
    let detail = reply.problem(StatusCode::UNAUTHORIZED);
    assert_eq!(detail, "The token is from another issuer (iss)");
}

#[tokio::test]
async fn no_token_title_or_secret_is_ever_logged() {
    let app =
        TestApp::start_with(Settings::default().with("RUST_LOG", "trace"), Data::Memory).await;
    let alice = app.user("alice");
    let path = alice.task("a very private title").await;
    let body = json!({"title": "a very private title", "priority": "a very private mistake"});
    alice.put(&path, body).await.problem(StatusCode::BAD_REQUEST);
    let text = b"a very private text".to_vec();
    alice.send(Method::POST, "/api/tasks", &[], text).await.problem(StatusCode::BAD_REQUEST);
    alice.get("/api/tasks?sort=a_very_private_sort").await.problem(StatusCode::BAD_REQUEST);
    let forged = "Bearer a.very.private-token";
    app.with_authorization(forged).get(&path).await.problem(StatusCode::UNAUTHORIZED);
    // Returns when all lines have arrived.
    app.server.backend().lambda().stop().await;
    let logs = app.logs().join("\n");
    assert_eq!(logs.matches("\"status\":400").count(), 3, "{logs}");
    assert_eq!(logs.matches("\"status\":401").count(), 1, "{logs}");
    for private in ["private", "eyJ", "Bearer a", "development-secret"] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}

#[tokio::test]
async fn the_request_id_of_a_problem_is_logged_with_any_filter() {
    for filter in ["info", "warn,shared=info"] {
        let settings = Settings::default().with("RUST_LOG", filter);
        let app = TestApp::start_with(settings, Data::Memory).await;
        let reply = app.anonymous().get("/api/tasks").await;
        let id = reply.json()["request_id"].as_str().unwrap().to_owned();
        app.server.backend().lambda().stop().await;
        let logs = app.logs().join("\n");
        assert!(logs.contains(&format!("\"correlation_id\":\"{id}\"")), "{logs}");
    }
}

#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_is_rejected_and_logged() {
    let settings = Settings::default().with("JWT_ISSUER", "https://issuer.example/");
    let app = TestApp::start_with(settings, Data::Memory).await;
    app.user("alice").get("/api/tasks").await.ok();
    let without = Settings::default().with("JWT_ISSUER", "https://issuer.example");
    let token = token::sign(&without, None, "alice", Duration::from_secs(3600)).unwrap();
    let reply = app.with_authorization(&format!("Bearer {token}")).get("/api/tasks").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    app.server.backend().lambda().stop().await;
    let logs = app.logs().join("\n");
    assert!(logs.contains("JWT_ISSUER and the token's iss differ by a trailing slash"), "{logs}");
}
