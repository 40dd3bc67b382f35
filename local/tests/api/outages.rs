//! Databases that do not answer, and functions that hang, crash or do not start.

use std::time::Duration;

use local::dynamodb::Data;
use local::lambda::{Lambda, Outcome};
use local::settings::Settings;
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{TestApp, function, kill};

/// A function whose DynamoDB accepts connections but never answers.
async fn stuck_function(timeout: Duration) -> (Lambda, TcpListener) {
    let black_hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", black_hole.local_addr().unwrap());
    let launch = function::launch(vec![("AWS_ENDPOINT_URL_DYNAMODB", endpoint)], timeout);
    (Lambda::start(vec![launch], std::sync::Arc::new(|_, _| {})).await.unwrap(), black_hole)
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_a_503_before_the_timeout() {
    let (lambda, _black_hole) = stuck_function(Duration::from_secs(10)).await;
    let reply = function::ask(&lambda).await;
    assert_eq!(reply["statusCode"], 503);
    assert_eq!(reply["headers"]["retry-after"], "1");
    let problem: serde_json::Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    let expected = "The service is temporarily unavailable; try again shortly";
    assert_eq!(problem["detail"], expected, "without the cause");
}

#[tokio::test]
async fn a_function_that_times_out_is_killed_and_replaced() {
    let (lambda, _black_hole) = stuck_function(Duration::from_millis(300)).await;
    assert_eq!(lambda.invoke(function::NAME, function::event()).await.unwrap(), Outcome::TimedOut);
    assert_eq!(lambda.invoke(function::NAME, function::event()).await.unwrap(), Outcome::TimedOut);
    lambda.stop().await;
    assert!(lambda.processes(function::NAME).is_empty());
}

#[tokio::test]
async fn a_crash_fails_only_one_request() {
    let (lambda, _black_hole) = stuck_function(Duration::from_secs(10)).await;
    let crash = async {
        loop {
            if let [process] = lambda.processes(function::NAME)[..] {
                return kill("-9", process);
            }
            tokio::task::yield_now().await;
        }
    };
    let (outcome, ()) = tokio::join!(lambda.invoke(function::NAME, function::event()), crash);
    assert_eq!(outcome.unwrap(), Outcome::Crashed);
}

#[tokio::test]
async fn a_function_that_cannot_start_fails_each_request_and_is_not_restarted_forever() {
    let settings = Settings::default().with("BETTER_AUTH_SECRET", "short");
    let app = TestApp::start_with(settings, Data::Memory).await;
    for _ in 0..2 {
        let reply = app.anonymous().get("/api/tasks").await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(reply.json(), json!({"message": "Internal Server Error"}));
    }
    let logs = app.logs().join("\n");
    let expected = "environment variable BETTER_AUTH_SECRET is shorter than 32 bytes";
    assert!(logs.contains(expected), "{logs}");
    assert!(app.server.backend().lambda().processes("list-tasks").is_empty());
    // Health needs no configuration.
    app.anonymous().get("/health").await.ok();
}

#[tokio::test]
async fn a_killed_function_is_replaced() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    alice.get("/api/tasks").await.ok();
    let before = app.server.backend().lambda().processes("list-tasks");
    for process in &before {
        kill("-9", *process);
    }
    // The first request may still have reached the killed process.
    let replies = [alice.get("/api/tasks").await, alice.get("/api/tasks").await];
    assert!(replies.iter().any(|reply| reply.status == StatusCode::OK));
    assert_ne!(app.server.backend().lambda().processes("list-tasks"), before);
}
