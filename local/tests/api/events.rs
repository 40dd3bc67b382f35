//! Sends each file in `events/` to its function, unchanged.

use std::path::PathBuf;

use local::dynamodb::Data;
use local::lambda::Outcome;
use local::settings::{Settings, repository};
use local::{event_tasks, tables};
use serde_json::Value;

use crate::support::TestApp;
use crate::support::issuer::{Answer, FakeIssuer};

/// The files, with the status and the beginning of the detail of the reply.
const EXPECTED: [(&str, u16, &str); 42] = [
    ("create-task.json", 201, ""),
    ("create-task.due.json", 201, ""),
    ("list-tasks.today.json", 200, ""),
    ("create-task.bad-body.json", 400, "title must not be empty; priority must be"),
    ("create-task.not-json.json", 400, "The body must be a JSON object: it ends too early"),
    ("create-task.idempotency-key.json", 201, ""),
    ("create-task.bad-idempotency-key.json", 400, "Idempotency-Key must have 1 to 255 visible"),
    ("create-task.no-token.json", 401, "Not authenticated"),
    ("get-task.json", 200, ""),
    ("get-task.expired-token.json", 401, "The token has expired"),
    ("get-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("get-task.unknown-task.json", 404, "Task not found"),
    ("list-tasks.json", 200, ""),
    ("list-tasks.pending-by-due-date.json", 200, ""),
    ("list-tasks.bad-query.json", 400, "status must be"),
    ("list-changes.json", 200, ""),
    ("batch-tasks.json", 200, ""),
    ("batch-tasks.same-id.json", 400, "operations[1].id occurs twice in the batch"),
    ("export-tasks.json", 200, ""),
    ("update-task.json", 200, ""),
    ("update-task.stale.json", 412, "The task has changed"),
    ("update-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("toggle-task.json", 200, ""),
    ("toggle-task.set.json", 200, ""),
    ("toggle-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("restore-task.json", 200, ""),
    ("delete-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("delete-task.json", 204, ""),
    ("erase-tasks.bad-confirm.json", 400, "confirm must be your own user id"),
    ("erase-tasks.json", 204, ""),
    ("mcp.json", 200, ""),
    ("mcp.add-tasks.json", 200, ""),
    ("mcp.initialize.json", 200, ""),
    ("mcp.wrong-header.json", 400, ""),
    ("mcp.no-token.json", 401, "Not authenticated"),
    ("mcp.stream.json", 405, ""),
    // Without an issuer.
    ("mcp.metadata.json", 404, "Not found"),
    ("health.json", 200, ""),
    ("docs.json", 200, ""),
    ("docs.openapi.json", 200, ""),
    ("docs.file.json", 200, ""),
    ("docs.unknown-file.json", 404, "Not found"),
];

/// As [`EXPECTED`], for a deployment with the key set `jwks.json`.
const EXPECTED_WITH_KEY_SET: [(&str, u16, &str); 5] = [
    ("get-task.json", 200, ""),
    ("get-task.forged.json", 401, "The token's signature is not valid"),
    ("get-task.unknown-key.json", 401, "The token is signed with a key that the issuer does not"),
    ("get-task.another-issuer.json", 401, "The token is from another issuer"),
    ("get-task.secret-token.json", 401, "The token is signed with an algorithm that is not"),
];

/// Sends each expected file of `folder`, and checks that there are no others.
async fn replay(app: &TestApp, folder: PathBuf, expected: &[(&str, u16, &str)]) {
    let backend = app.server.backend();
    let client = tables::client(backend.dynamodb_url());
    event_tasks::load(&client, &Settings::default()).await.unwrap();
    for (file, status, detail) in expected {
        let function = file.split('.').next().unwrap();
        let event = std::fs::read(folder.join(file)).unwrap().into();
        let outcome = backend.lambda().invoke(function, event).await.unwrap();
        let Outcome::Reply(reply) = outcome else { panic!("{file}: {outcome:?}") };
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        assert_eq!(reply["statusCode"], *status, "{file}: {reply}");
        if !detail.is_empty() {
            let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
            let actual = body["detail"].as_str().unwrap();
            assert!(actual.starts_with(detail), "{file}: {actual}");
        }
    }
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|file| file != "jwks.json")
        .collect();
    let mut expected: Vec<&str> = expected.iter().map(|(file, ..)| *file).collect();
    files.sort();
    expected.sort_unstable();
    assert_eq!(files, expected, "every file is sent");
}

#[tokio::test]
async fn each_event_gets_the_reply_that_its_name_promises() {
    let app = TestApp::start().await;
    replay(&app, repository().join("events"), &EXPECTED).await;
}

#[tokio::test]
async fn each_key_set_event_gets_the_reply_that_its_name_promises() {
    let folder = repository().join("events/key-set");
    let key_set = std::fs::read_to_string(folder.join("jwks.json")).unwrap();
    let issuer = FakeIssuer::start(Answer::Text(key_set, vec![])).await;
    let settings = Settings::default()
        .with("JWKS_URL", &issuer.key_set_url())
        .with("JWT_ISSUER", "https://issuer.example")
        .with("JWT_AUDIENCE", "tasks-api");
    let app = TestApp::start_with(settings, Data::Memory).await;
    replay(&app, folder, &EXPECTED_WITH_KEY_SET).await;
}
