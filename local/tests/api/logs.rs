//! What the functions log: one line for each request, which also contains its metrics.

use local::dynamodb::Data;
use local::faults::Fault;
use local::settings::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::telemetry::{DIMENSIONS, METRICS, SERVER_ERRORS, USER_METRICS, VERSION_DIMENSIONS};

use crate::support::TestApp;

fn settings() -> Settings {
    Settings::default()
        .with("METRICS_NAMESPACE", "TasksApi/test")
        .with("USER_HASH_KEY", "the key of these tests")
}

/// Stops the functions of `app`, and returns the lines of the requests that they answered.
pub(crate) async fn lines(app: &TestApp) -> Vec<Value> {
    app.server.backend().lambda().stop().await;
    let logs = app.logs();
    let lines = logs.iter().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line.get("operation").is_some()).collect()
}

#[tokio::test]
async fn each_request_logs_one_line_with_its_outcome() {
    let app = TestApp::start_with(settings(), Data::Memory).await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    alice.get(&path).await.ok();
    let refused = app.anonymous().get(&path).await.expect(StatusCode::UNAUTHORIZED);
    let (refused_id, refused) = (refused.header("apigw-requestid").to_owned(), refused.json());
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    alice.get(&path).await.problem(StatusCode::NOT_FOUND);
    let lines = lines(&app).await;
    let outcomes: Vec<(&str, u64)> = lines
        .iter()
        .map(|line| (line["operation"].as_str().unwrap(), line["status"].as_u64().unwrap()))
        .collect();
    // A function logs after it has answered, so lines of two functions may be swapped.
    for (line, count) in [
        (("create-task", 201), 1),
        (("get-task", 200), 1),
        (("get-task", 401), 1),
        (("delete-task", 204), 1),
        (("get-task", 404), 1),
    ] {
        assert_eq!(outcomes.iter().filter(|it| **it == line).count(), count, "{line:?}");
    }
    assert_eq!(lines.len(), 5);

    let line = |status: u16| lines.iter().find(|line| line["status"] == status).unwrap();
    assert_eq!(line(201)["level"], "INFO");
    assert_eq!(line(201)["message"], "create-task 201");
    assert!(line(201).get("error").is_none());
    assert_eq!(line(201)["service"], "tasks-api");
    assert_eq!(line(201)["function_name"], "create-task");
    assert_eq!(line(201)["cold_start"], true);
    assert!(line(201)["xray_trace_id"].as_str().unwrap().starts_with("1-"));
    assert!(line(201)["function_request_id"] != line(201)["correlation_id"]);
    assert_eq!(line(401)["error"], "Unauthorized");
    assert_eq!(line(401)["detail"], refused["detail"]);
    assert_eq!(line(401)["correlation_id"], refused["request_id"]);
    assert_eq!(line(401)["correlation_id"], refused_id.as_str());
    assert_eq!(line(404)["detail"], "Task not found");
}

#[tokio::test]
async fn the_line_contains_what_dynamodb_charged() {
    let app = TestApp::start_with(settings(), Data::Memory).await;
    let alice = app.user("alice");
    let key = [("idempotency-key", "key")];
    let path = alice.task("t").await;
    alice.json(Method::POST, "/api/tasks", &key, json!({"title": "u"})).await;
    alice.get(&path).await.ok();
    alice.get("/api/tasks?sort=title&limit=5").await.ok();
    alice.put(&path, json!({"description": "d"})).await.ok();
    alice.flip(&path).await.ok();
    let for_good = format!("{path}?permanent=true");
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    alice.get(&path).await.problem(StatusCode::NOT_FOUND);
    alice.post(&format!("{path}/restore"), json!({})).await.ok();
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    alice.delete(&for_good).await.expect(StatusCode::NO_CONTENT);
    alice.get(&path).await.problem(StatusCode::NOT_FOUND);
    let other = alice.task("t").await;
    alice.delete(&format!("{other}?permanent=true")).await.expect(StatusCode::NO_CONTENT);
    alice.get("/api/changes?limit=5").await.ok();
    let lines = lines(&app).await;
    let cost = |operation: &str, status: u16| -> Vec<(f64, u64)> {
        let fits = |line: &&Value| line["operation"] == operation && line["status"] == status;
        let cost = |line: &Value| {
            (line["RequestUnits"].as_f64().unwrap(), line["Attempts"].as_u64().unwrap())
        };
        lines.iter().filter(fits).map(cost).collect()
    };
    // A create with a key is a transaction of two writes, each of which costs double.
    assert_eq!(cost("create-task", 201), [(8.0, 1), (11.0, 1), (8.0, 1)]);
    assert_eq!(cost("get-task", 200), [(1.0, 1)]);
    assert_eq!(cost("list-tasks", 200), [(0.5, 1)]);
    assert_eq!(cost("update-task", 200), [(8.0, 1)]);
    assert_eq!(cost("toggle-task", 200), [(11.0, 1)]);
    // Two to the trash, then one for good from the trash and one from the lists.
    assert_eq!(cost("delete-task", 204), [(9.0, 1), (9.0, 1), (4.0, 1), (8.0, 1)]);
    assert_eq!(cost("restore-task", 200), [(9.0, 1)]);
    // It is known whose they were.
    assert_eq!(cost("get-task", 404), [(1.0, 1), (1.0, 1)]);
    assert_eq!(cost("list-changes", 200), [(0.5, 1)]);
}

#[tokio::test]
async fn a_failure_is_logged_with_its_cause_and_attempts() {
    let app = TestApp::start_with(settings(), Data::Memory).await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    app.faults().plan("GetItem", Fault::Throttle);
    alice.get(&path).await.ok();
    app.faults().set_rates("GetItem:error=1".parse().unwrap());
    let problem = alice.get(&path).await.expect(StatusCode::SERVICE_UNAVAILABLE).json();
    let lines = lines(&app).await;
    let gets: Vec<&Value> = lines.iter().filter(|it| it["operation"] == "get-task").collect();
    assert_eq!(gets[0]["Attempts"], 2, "one was throttled");
    let failed = gets[1];
    assert_eq!(failed["level"], "ERROR");
    assert_eq!(failed["error"], "Service Unavailable");
    assert_eq!(failed["correlation_id"], problem["request_id"]);
    assert!(failed["cause"].as_str().unwrap().contains("InternalServerError"), "{failed}");
    assert!(failed["Attempts"].as_u64().unwrap() > 2);
    assert_eq!(failed["ServerErrors"], 1);
    assert!(failed["Duration"].as_f64().unwrap() > 1.0);
}

#[tokio::test]
async fn the_line_contains_the_requests_metrics() {
    let app = TestApp::start_with(settings(), Data::Memory).await;
    app.user("alice").get("/api/tasks").await.ok();
    let forged = app.with_authorization("Bearer e30.e30.e30");
    forged.get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
    app.anonymous().get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
    let lines = lines(&app).await;
    for line in &lines {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "TasksApi/test");
        assert_eq!(directive["Dimensions"], json!(DIMENSIONS));
        let by_version = &line["_aws"]["CloudWatchMetrics"][1];
        assert_eq!(by_version["Dimensions"], json!(VERSION_DIMENSIONS));
        assert_eq!(by_version["Metrics"], json!([{"Name": SERVER_ERRORS, "Unit": "Count"}]));
        assert_eq!(line["version"], "$LATEST");
        assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
        let metrics = directive["Metrics"].as_array().unwrap();
        let expected = METRICS.into_iter().chain(USER_METRICS);
        assert_eq!(metrics.len(), expected.clone().count());
        for (metric, (name, unit)) in metrics.iter().zip(expected) {
            assert_eq!(*metric, json!({"Name": name, "Unit": unit}));
            assert!(line[name].is_number(), "{name}");
        }
    }
    let counts = |name: &str| -> Vec<u64> {
        lines.iter().map(|line| line[name].as_u64().unwrap()).collect()
    };
    assert_eq!(counts("ColdStart"), [1, 0, 0]);
    assert_eq!(counts("RefusedTokens"), [0, 1, 0], "a missing token does not count");
    assert_eq!(counts("ClientErrors"), [0, 1, 1]);
    assert_eq!(counts("ServerErrors"), [0, 0, 0]);
}

#[tokio::test]
async fn a_function_without_users_logs_no_metrics_of_users() {
    let app = TestApp::start_with(settings(), Data::Memory).await;
    app.anonymous().get("/health").await.ok();
    app.anonymous().get("/docs").await.ok();
    for line in lines(&app).await {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["operation"]]), "not among those of users");
        assert_eq!(directive["Metrics"].as_array().unwrap().len(), METRICS.len());
        assert!(USER_METRICS.iter().all(|(name, _)| line.get(*name).is_none()), "{line}");
    }
}

#[tokio::test]
async fn users_are_distinguished_but_not_named() {
    let app = TestApp::start_with(settings(), Data::Memory).await;
    for user in ["alice", "alice", "bob"] {
        app.user(user).get("/api/tasks").await.ok();
    }
    app.anonymous().get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
    let lines = lines(&app).await;
    assert_eq!(lines[0]["user"], lines[1]["user"]);
    assert_ne!(lines[0]["user"], lines[2]["user"]);
    assert_eq!(lines[0]["user"].as_str().unwrap().len(), 16);
    assert!(lines[3].get("user").is_none());
    let logs = app.logs().join("\n");
    for secret in ["alice", "bob", "key of these tests"] {
        assert!(!logs.contains(secret), "{logs}");
    }

    let without = settings().with("USER_HASH_KEY", "");
    let app = TestApp::start_with(without, Data::Memory).await;
    app.user("alice").get("/api/tasks").await.ok();
    assert!(self::lines(&app).await[0].get("user").is_none());
}

#[tokio::test]
async fn lambdas_log_settings_are_respected() {
    let logs = async |settings: Settings| {
        let app = TestApp::start_with(settings, Data::Memory).await;
        app.anonymous().get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
        app.server.backend().lambda().stop().await;
        app.logs()
    };
    let errors = Settings::default().with("AWS_LAMBDA_LOG_LEVEL", "ERROR");
    assert_eq!(logs(errors.clone()).await, Vec::<String>::new());
    let metrics = logs(errors.with("METRICS_NAMESPACE", "TasksApi/test")).await;
    assert_eq!(metrics.len(), 1, "the level does not apply to metrics: {metrics:?}");
    let text = logs(Settings::default().with("AWS_LAMBDA_LOG_FORMAT", "Text")).await;
    assert_eq!(text.len(), 1);
    assert!(text[0].contains("message=\"list-tasks 401\""), "{text:?}");
    assert!(serde_json::from_str::<Value>(&text[0]).is_err());
}
