//! `scripts/smoke.sh`, which tries a deployed API.

use local::settings::{Settings, repository};
use tokio::process::Command;

use crate::support::TestApp;

/// Runs the script against `app`, and returns whether it passed and what it printed.
async fn smoke(app: &TestApp, environment: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new("bash");
    command.arg(repository().join("scripts/smoke.sh")).arg(app.server.url());
    // None of the developer's variables reaches it.
    let path = std::env::var_os("PATH").unwrap();
    command.env_clear().env("PATH", path);
    let output = command.envs(environment.iter().copied()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_working_api_passes_and_keeps_no_task() {
    let app = TestApp::start().await;
    let settings = Settings::default();
    let (passed, text) = smoke(&app, &[("SMOKE_SECRET", settings.secret())]).await;
    assert!(passed && text.contains("users are kept apart"), "{text}");
    let alice = app.user("alice");
    let kept = alice.task("mine").await;
    let token = alice.token();
    let (passed, text) = smoke(&app, &[("SMOKE_TOKEN", &token)]).await;
    assert!(passed, "{text}");
    assert!(!text.contains(&token));
    assert_eq!(alice.get("/api/tasks").await.titles(), ["mine"]);
    assert_eq!(alice.get(&kept).await.json()["completed"], false);
    let (passed, text) = smoke(&app, &[]).await;
    assert!(passed && text.contains("without a user"), "{text}");
}

#[tokio::test]
async fn a_broken_api_fails_and_the_last_line_says_where() {
    let app = TestApp::start().await;
    let settings = Settings::default();
    let secret = [("SMOKE_SECRET", settings.secret())];
    let failed_at = async |environment: &[(&str, &str)]| {
        let (passed, text) = smoke(&app, environment).await;
        assert!(!passed, "{text}");
        text.lines().last().unwrap().to_owned()
    };
    let foreign = [("SMOKE_SECRET", "a secret of another issuer, 32 bytes")];
    assert_eq!(failed_at(&foreign).await, "FAILED: changes: GET /api/changes: 401 instead of 200");
    // A table that can only be read.
    app.faults().set_rates("PutItem:error=1".parse().unwrap());
    assert_eq!(failed_at(&secret).await, "FAILED: create: POST /api/tasks: 503 instead of 201");
    app.faults().set_rates("UpdateItem:error=1".parse().unwrap());
    let line = failed_at(&secret).await;
    assert!(line.starts_with("FAILED: update with If-Match: PUT"), "{line}");
}
