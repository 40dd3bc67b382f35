//! The files in `events/`: each is sent to its function as it is.

use local::{fixtures, tables};
use serde_json::Value;

use crate::support::TestApp;

/// What the function answers to each file.
const EXPECTED: [(&str, u16, &str); 20] = [
    ("create-task.json", 201, ""),
    ("create-task.bad-body.json", 400, "title must not be empty; priority must be"),
    ("create-task.not-json.json", 400, "The body must be a JSON object: it ends too early"),
    ("create-task.no-token.json", 401, "Not authenticated"),
    ("get-task.json", 200, ""),
    ("get-task.expired-token.json", 401, "The token has expired"),
    ("get-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("get-task.unknown-task.json", 404, "Task not found"),
    ("list-tasks.json", 200, ""),
    ("list-tasks.pending-by-due-date.json", 200, ""),
    ("list-tasks.bad-query.json", 400, "status must be"),
    ("update-task.json", 200, ""),
    ("update-task.stale.json", 412, "The task has changed"),
    ("update-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("toggle-task.json", 200, ""),
    ("toggle-task.set.json", 200, ""),
    ("toggle-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("delete-task.another-users-task.json", 403, "Not authorized to access this task"),
    ("delete-task.json", 204, ""),
    ("health.json", 200, ""),
];

#[tokio::test]
async fn each_event_gets_the_answer_that_its_name_promises() {
    let app = TestApp::start().await;
    let backend = app.server.backend();
    let settings = local::settings::Settings::default();
    fixtures::load(&tables::client(backend.dynamodb_url()), &settings).await.unwrap();
    let folder = local::settings::repository().join("events");
    for (file, status, detail) in EXPECTED {
        let function = file.split('.').next().unwrap();
        let event = std::fs::read(folder.join(file)).unwrap().into();
        let outcome = backend.lambda().invoke(function, event).await.unwrap();
        let local::lambda::Outcome::Reply(reply) = outcome else { panic!("{file}: {outcome:?}") };
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        assert_eq!(reply["statusCode"], status, "{file}: {reply}");
        if !detail.is_empty() {
            let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
            let told = body["detail"].as_str().unwrap();
            assert!(told.starts_with(detail), "{file}: {told}");
        }
    }
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected: Vec<&str> = EXPECTED.iter().map(|(file, ..)| *file).collect();
    files.sort();
    expected.sort_unstable();
    assert_eq!(files, expected, "each file is tried");
}
