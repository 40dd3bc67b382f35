//! Which pages may call the API from a browser.

use local::dynamodb::Data;
use local::settings::Settings;
use reqwest::{Method, StatusCode};

use crate::support::TestApp;

#[tokio::test]
async fn pages_of_configured_origins_may_call_the_api_and_read_what_they_need() {
    let settings =
        Settings::default().with("BETTER_AUTH_URL", "https://a.example,https://b.example");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let (alice, anonymous) = (app.user("alice"), app.anonymous());
    for origin in ["https://a.example", "https://b.example"] {
        let asks = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization,content-type,if-match"),
        ];
        let preflight = anonymous.send(Method::OPTIONS, "/api/tasks/x", &asks, vec![]).await;
        assert_eq!(preflight.status, StatusCode::NO_CONTENT);
        assert_eq!(preflight.header("access-control-allow-origin"), origin);
        assert_eq!(preflight.header("access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE");
        let allowed = preflight.header("access-control-allow-headers");
        let all = ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key"];
        for header in all {
            assert!(allowed.split(',').any(|it| it == header), "{header}");
        }
        let reply = alice.send(Method::GET, "/api/tasks", &[("origin", origin)], vec![]).await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
        let exposed = reply.header("access-control-expose-headers");
        for header in ["apigw-requestid", "etag", "link", "location", "retry-after"] {
            assert!(exposed.split(',').any(|it| it == header), "{header}");
        }
    }
    // Errors need the header too, or a frontend could not read them.
    let error =
        anonymous.send(Method::GET, "/api/tasks", &[("origin", "https://a.example")], vec![]);
    assert_eq!(error.await.header("access-control-allow-origin"), "https://a.example");
}

/// Whether pages of `origin` may call the API and read its replies. The preflight and the
/// request after it must agree.
async fn may_call(app: &TestApp, origin: &str) -> bool {
    let asks = [("origin", origin), ("access-control-request-method", "GET")];
    let preflight = app.anonymous().send(Method::OPTIONS, "/api/tasks", &asks, vec![]).await;
    let get = app.user("a").send(Method::GET, "/api/tasks", &asks[..1], vec![]).await;
    let allowed = [preflight, get].map(|reply| {
        let has_any = reply.headers.keys().any(|name| name.starts_with("access-control"));
        let allowed = reply.headers.get("access-control-allow-origin");
        assert_eq!(has_any, allowed.is_some_and(|it| it == origin), "{origin}");
        has_any
    });
    assert_eq!(allowed[0], allowed[1], "{origin}");
    allowed[0]
}

async fn app_for(origins: &str) -> TestApp {
    TestApp::start_with(Settings::default().with("BETTER_AUTH_URL", origins), Data::Memory).await
}

#[tokio::test]
async fn pages_of_other_origins_may_not_call_the_api() {
    let app = app_for("https://a.example").await;
    assert!(may_call(&app, "https://a.example").await);
    for origin in ["https://evil.example", "https://a.example.evil.example", "http://a.example"] {
        assert!(!may_call(&app, origin).await, "{origin}");
    }
    assert!(!may_call(&app, "http://localhost:3000").await, "the setting replaces the default");
}

#[tokio::test]
async fn white_space_trailing_slashes_and_empty_elements_are_ignored() {
    let app = app_for(" https://a.example/ , http://localhost:3001,,\thttps://b.example\n,").await;
    for origin in ["https://a.example", "http://localhost:3001", "https://b.example"] {
        assert!(may_call(&app, origin).await, "{origin}");
    }
}

#[tokio::test]
async fn by_default_only_pages_of_this_machine_may_call_the_api() {
    for app in [TestApp::start().await, app_for(" , ").await] {
        for origin in [
            "http://localhost:3000",
            "http://localhost:3001",
            "http://localhost:5173",
            "http://localhost",
            "https://localhost:3000",
            "http://127.0.0.1:8080",
            "http://[::1]:4200",
        ] {
            assert!(may_call(&app, origin).await, "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "file://",
            "http://localhost:3000.evil.example",
            "http://localhost.evil.example",
            "http://localhost.evil.example:3000",
            "http://127.0.0.1.evil.example:3000",
            "http://192.168.0.7:3000",
            "http://localhost:",
            "http://localhost:*",
        ] {
            assert!(!may_call(&app, origin).await, "{origin}");
        }
    }
}

#[tokio::test]
async fn a_refused_origin_is_logged_once_with_the_setting_that_would_allow_it() {
    let app = app_for("https://a.example").await;
    for _ in 0..2 {
        assert!(!may_call(&app, "http://localhost:3001").await);
        assert!(!may_call(&app, "null").await);
        assert!(may_call(&app, "https://a.example").await);
        // The API's own page, which needs no permission.
        assert!(!may_call(&app, &app.server.url()).await);
    }
    let logs = app.logs();
    let lines: Vec<&String> = logs.iter().filter(|line| line.contains("BETTER_AUTH_URL")).collect();
    let refused = |origin| {
        format!("CORS refused a page of {origin}: BETTER_AUTH_URL allows https://a.example")
    };
    assert_eq!(lines, [&refused("http://localhost:3001"), &refused("null")]);
}
