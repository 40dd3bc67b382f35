//! The local server itself: the gateway's own answers, its data, its start and
//! its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use local::dynamodb::Data;
use local::settings::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{TestApp, binaries, kill};

#[tokio::test]
async fn an_unknown_route_gets_the_gateways_404() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for path in
        ["/", "/api", "/api/tasks/", "/api/tasks/a/b", "/api/tasks/a/complete/b", "/health/"]
    {
        let reply = alice.get(path).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(reply.json(), json!({"message": "Not Found"}), "{path}");
        assert!(reply.headers.contains_key("apigw-requestid"));
    }
    let method = alice.send(Method::PATCH, "/api/tasks", &[], vec![]).await;
    assert_eq!(method.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_of_configured_origins_may_call_the_api_and_read_what_they_need() {
    let settings =
        Settings::default().with("BETTER_AUTH_URL", "https://a.example,https://b.example");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let (alice, nobody) = (app.user("alice"), app.nobody());
    for origin in ["https://a.example", "https://b.example"] {
        let asks = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization,content-type,if-match"),
        ];
        let preflight = nobody.send(Method::OPTIONS, "/api/tasks/x", &asks, vec![]).await;
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
        for header in ["etag", "link", "location", "retry-after"] {
            assert!(exposed.split(',').any(|it| it == header), "{header}");
        }
    }
    // Errors too, or a frontend could not read them.
    let error = nobody.send(Method::GET, "/api/tasks", &[("origin", "https://a.example")], vec![]);
    assert_eq!(error.await.header("access-control-allow-origin"), "https://a.example");
}

#[tokio::test]
async fn pages_of_other_origins_may_not() {
    let app = TestApp::start().await;
    for origin in ["https://evil.example", "null", "http://localhost:3000.evil.example"] {
        let asks = [("origin", origin), ("access-control-request-method", "GET")];
        let preflight = app.nobody().send(Method::OPTIONS, "/api/tasks", &asks, vec![]).await;
        let get = app.user("a").send(Method::GET, "/api/tasks", &asks[..1], vec![]).await;
        for reply in [preflight, get] {
            assert!(
                !reply.headers.keys().any(|name| name.starts_with("access-control")),
                "{origin}"
            );
        }
    }
}

#[tokio::test]
async fn data_in_a_folder_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let data = Data::Folder(folder.path().join("data"));
        TestApp::start_with(Settings::default(), data)
    };
    let app = start().await;
    let path = app.user("alice").task("kept").await;
    let before = app.user("alice").flip(&path).await.ok().json();
    app.server.stop().await;
    let app = start().await;
    assert_eq!(app.user("alice").get(&path).await.ok().json(), before);
    assert_eq!(app.user("alice").get("/api/tasks?sort=title").await.titles(), ["kept"]);
}

/// `cargo run`, in a process of its own.
struct Running {
    child: Child,
    url: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start() -> Running {
        binaries();
        let mut child = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(["serve", "--port", "0", "--dynamodb-port", "0", "--in-memory", "--no-build"])
            // Empty means unset, and goes before a developer's .env.
            .envs(
                ["AWS_ENDPOINT_URL_DYNAMODB", "BETTER_AUTH_SECRET", "JWT_ISSUER", "JWT_AUDIENCE"]
                    .map(|variable| (variable, "")),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        rest.read_line(&mut first).unwrap();
        let url = first.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Running { child, url, rest }
    }

    fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    /// The processes that this one has started and that still run.
    fn children(&self) -> Vec<String> {
        let pid = self.child.id().to_string();
        let output = Command::new("ps").args(["-o", "pid=", "--ppid", &pid]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn runs(process: &str) -> bool {
    Command::new("ps").args(["-p", process]).stdout(Stdio::null()).status().unwrap().success()
}

#[tokio::test]
async fn the_printed_session_works_and_ctrl_c_leaves_nothing_running() {
    let mut running = Running::start();
    let mut token = String::new();
    while !token.starts_with("TOKEN=") {
        token.clear();
        assert_ne!(running.rest.read_line(&mut token).unwrap(), 0, "no token was printed");
    }
    let token = token.trim_end().strip_prefix("TOKEN=").unwrap();
    let request = reqwest::Client::new().get(format!("{}/api/tasks", running.url));
    let reply = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(reply.json::<serde_json::Value>().await.unwrap(), json!([]));
    let children = running.children();
    assert!(!children.is_empty());
    running.signal("-INT");
    assert!(running.child.wait().unwrap().success());
    assert!(!children.iter().any(|child| runs(child)));
}
