//! The local server itself: the gateway's own replies, the data, startup and shutdown.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use futures::{StreamExt, stream};
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
async fn data_in_a_folder_survives_a_restart() {
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

/// A local server in a process of its own.
struct Running {
    child: Child,
    url: String,
    rest: BufReader<std::process::ChildStdout>,
}

/// A command of `cargo run`, without the developer's settings.
fn command(arguments: &[&str]) -> Command {
    binaries();
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(arguments).arg("--no-build");
    // Empty means unset, and overrides a developer's .env.
    let template = Settings::default().template().unwrap();
    for variable in template.variables().into_iter().chain(["BETTER_AUTH_URL"]) {
        command.env(variable, "");
    }
    command
}

/// The command that starts a server on free ports.
fn serve(data: &[&str]) -> Command {
    let mut command = command(&["serve", "--port", "0", "--dynamodb-port", "0"]);
    command.args(data).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

impl Running {
    fn start(data: &[&str]) -> Running {
        let mut child = serve(data).spawn().unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        rest.read_line(&mut first).unwrap();
        let url = first.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Running { child, url, rest }
    }

    /// The token that it prints.
    fn token(&mut self) -> String {
        let mut line = String::new();
        while !line.starts_with("TOKEN=") {
            line.clear();
            assert_ne!(self.rest.read_line(&mut line).unwrap(), 0, "no token was printed");
        }
        line.trim_end().strip_prefix("TOKEN=").unwrap().to_owned()
    }

    fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    /// The ids of its running child processes.
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
    let mut running = Running::start(&["--in-memory"]);
    let token = running.token();
    let request = reqwest::Client::new().get(format!("{}/api/tasks", running.url));
    let reply = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(reply.json::<serde_json::Value>().await.unwrap(), json!([]));
    let children = running.children();
    assert!(!children.is_empty());
    running.signal("-INT");
    assert!(running.child.wait().unwrap().success());
    assert!(!children.iter().any(|child| runs(child)));
}

#[test]
fn an_invalid_setting_stops_the_start_and_is_named() {
    let mut command = serve(&["--in-memory"]);
    command.env("BETTER_AUTH_URL", "http://localhost:3000/app").stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    // Has no effect if the process has ended.
    let _ = child.kill();
    assert_eq!(first, "", "it did not start");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message
            .starts_with("Error: BETTER_AUTH_URL: http://localhost:3000/app has a path or a query"),
        "{message}"
    );
}

#[tokio::test]
async fn acknowledged_writes_survive_a_killed_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data", folder.path().to_str().unwrap()];
    let http = reqwest::Client::new();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut running = Running::start(&data);
        let token = running.token();
        let tasks = format!("{}/api/tasks", running.url);
        let create = |number: usize| {
            let title = format!("round {round} task {number}");
            let body = json!({ "title": title });
            let request = http.post(&tasks).bearer_auth(&token).json(&body).send();
            async move { request.await.is_ok_and(|reply| reply.status() == 201).then_some(title) }
        };
        let writes = stream::iter(0..200).map(create).buffer_unordered(8);
        // Kills the server while writes are in progress.
        let done: Vec<_> = writes.take(40).collect().await;
        running.signal("-KILL");
        running.child.wait().unwrap();
        acknowledged.extend(done.into_iter().flatten());
    }
    assert!(acknowledged.len() > 100);
    let mut running = Running::start(&data);
    let token = running.token();
    let request = http.get(format!("{}/api/tasks", running.url)).bearer_auth(token);
    let tasks: Vec<serde_json::Value> = request.send().await.unwrap().json().await.unwrap();
    for title in acknowledged {
        assert_eq!(tasks.iter().filter(|task| task["title"] == title).count(), 1, "{title}");
    }
}
