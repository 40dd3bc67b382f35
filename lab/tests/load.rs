//! The load on a running API: it keeps its bounds and leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "in a test, what fails is the message")]

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::IntoResponse;
use lab::load::{self, Identity, MIN_REQUESTS, Plan, Report, Target};
use local::binaries::{self, Profile};
use local::certificates::Localhost;
use local::dynamodb::Data;
use local::faults::ProxyOptions;
use local::settings::Settings;
use local::{Options, Server, TASKS_TABLE, listener, tables, token};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::Notify;

/// Thirty requests for each endpoint.
const PLAN: Plan =
    Plan { requests: 30 * MIN_REQUESTS, duration: Duration::from_secs(120), concurrency: 4 };

/// The local server, with a proxy for faults.
async fn server() -> Server {
    let settings = Settings::default();
    let names = settings.template().unwrap();
    let options = Options {
        binaries: binaries::build(&names.names(), Profile::Test).unwrap(),
        settings,
        issuer: None,
        proxy: Some(ProxyOptions::default()),
        port: 0,
        dynamodb_port: 0,
        data: Data::Memory,
        logs: Arc::new(|_, _| {}),
    };
    Server::start(&options).await.unwrap()
}

/// The identities that `scripts/smoke.sh` takes from the environment.
fn identities() -> [Identity; 2] {
    let settings = Settings::default();
    let token = token::sign(&settings, None, "alice", Duration::from_secs(600)).unwrap();
    [("SMOKE_SECRET", settings.secret()), ("SMOKE_TOKEN", &token)].map(|(variable, value)| {
        Identity::from_settings(&Settings::default().with(variable, value)).unwrap()
    })
}

async fn run(url: &str, identity: &Identity, plan: &Plan) -> Report {
    let target = Target::new(url, None, plan).unwrap();
    load::run(&target, identity, plan, pending, &|_| {}).await.unwrap()
}

/// How many tasks the server's table holds, besides tombstones.
async fn stored(server: &Server) -> usize {
    let client = tables::client(&server.backend().embedded_url());
    let scan = client.scan().table_name(TASKS_TABLE).send().await.unwrap();
    scan.items().iter().filter(|item| item.contains_key("title")).count()
}

/// How many requests had each kind of reply, of all endpoints.
fn replies(report: &Report, what: &str) -> u32 {
    report.rows.iter().filter_map(|row| row.replies.get(what)).sum()
}

#[tokio::test]
async fn each_endpoint_gets_its_share_and_no_task_is_left() {
    let server = server().await;
    for identity in identities() {
        let report = run(&server.url(), &identity, &PLAN).await;
        assert_eq!(report.requests(), PLAN.requests);
        for row in &report.rows {
            let name = row.endpoint.name();
            let status = match name {
                "create" => "201",
                "delete" => "204",
                _ => "200",
            };
            assert_eq!(Vec::from_iter(&row.replies), [(&status.to_owned(), &30)], "{name}");
        }
        assert_eq!(report.left, [""; 0]);
        assert_eq!(stored(&server).await, 0);
    }
    server.stop().await;
}

#[tokio::test]
async fn other_tasks_of_the_user_stay() {
    let server = server().await;
    let [_, identity] = identities();
    let Identity::Token(token) = &identity else { panic!("a token") };
    let tasks = format!("{}/api/tasks", server.url());
    let body = serde_json::json!({"title": "load", "due_date": "2027-02-10"});
    let http = reqwest::Client::new();
    http.post(tasks).bearer_auth(token).json(&body).send().await.unwrap();
    assert_eq!(stored(&server).await, 1);
    run(&server.url(), &identity, &PLAN).await;
    assert_eq!(stored(&server).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn an_interrupted_load_deletes_its_tasks() {
    let server = server().await;
    for identity in identities() {
        let target = Target::new(&server.url(), None, &PLAN).unwrap();
        let (listing, stops) = (Notify::new(), AtomicU32::new(0));
        let progress = |what: &str| {
            if what == "list" {
                listing.notify_one();
            }
        };
        let stop = async || match stops.fetch_add(1, Ordering::Relaxed) {
            0 => listing.notified().await,
            _ => pending().await,
        };
        let report = load::run(&target, &identity, &PLAN, stop, &progress).await.unwrap();
        assert!(report.was_stopped);
        assert!(report.requests() < PLAN.requests);
        assert_eq!(replies(&report, "201"), 30);
        assert_eq!(report.left, [""; 0]);
        assert_eq!(stored(&server).await, 0);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_task_whose_creation_got_no_good_reply_is_deleted_too() {
    let server = server().await;
    let faults = server.backend().proxy().unwrap().faults();
    // The task is stored, and all that the function sees is that DynamoDB fails.
    faults.set_rates("PutItem:garbage=0.9".parse().unwrap());
    let [identity, _] = identities();
    let report = run(&server.url(), &identity, &Plan { requests: 10 * MIN_REQUESTS, ..PLAN }).await;
    assert!(replies(&report, "503") > 0, "{}", report.table());
    assert_eq!(report.left, [""; 0]);
    assert_eq!(stored(&server).await, 0);
    server.stop().await;
}

/// What a stand-in for an API does with a request: its reply, or how long it takes.
type Answer = fn(&Method, &str, u32) -> (StatusCode, Duration);

/// A stand-in for an API, and the requests that it gets.
struct StandIn {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    async fn start(answer: Answer) -> StandIn {
        let listener = listener::listen(0).await.unwrap();
        let url = format!("http://{}", axum::serve::Listener::local_addr(&listener).unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let state = (answer, requests.clone());
        let app = Router::new().fallback(StandIn::answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        StandIn { url, requests }
    }

    async fn answer(
        State((answer, requests)): State<(Answer, Arc<Mutex<Vec<String>>>)>,
        method: Method,
        uri: Uri,
    ) -> impl IntoResponse {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(format!("{method} {uri}"));
            requests.len() as u32
        };
        let (status, time) = answer(&method, uri.path(), number);
        tokio::time::sleep(time).await;
        let body = match status {
            StatusCode::CREATED => r#"{"id": "01a1f97f-8dbf-7046-a6ea-e1ff4e8cb1c5"}"#,
            _ => "[]",
        };
        (status, body)
    }

    /// The requests, without the one before the load and those that clean up.
    fn load(&self) -> usize {
        let requests = self.requests.lock().unwrap();
        let is_load = |it: &&String| !it.contains("limit=1 ") && !it.contains("limit=1000");
        requests.iter().skip(1).filter(is_load).count()
    }
}

fn usual(method: &Method, path: &str) -> StatusCode {
    match (method.as_str(), path) {
        ("POST", "/api/tasks") => StatusCode::CREATED,
        ("DELETE", _) => StatusCode::NO_CONTENT,
        _ => StatusCode::OK,
    }
}

#[tokio::test]
async fn throttled_requests_are_counted_and_do_not_end_the_load() {
    let api = StandIn::start(|method, path, number| {
        let throttled = number > 1 && number.is_multiple_of(3);
        let status = if throttled { StatusCode::TOO_MANY_REQUESTS } else { usual(method, path) };
        (status, Duration::ZERO)
    })
    .await;
    let report = run(&api.url, &identities()[0], &PLAN).await;
    let throttled = replies(&report, "429");
    let third = report.requests() / 3;
    assert!((third - 10..=third + 5).contains(&throttled), "{}", report.table());
    assert!(report.table().contains(" × 429"), "{}", report.table());
    assert_eq!(report.left, [""; 0]);
}

#[tokio::test]
async fn the_load_ends_when_its_requests_are_used_up() {
    let api = StandIn::start(|method, path, _| (usual(method, path), Duration::ZERO)).await;
    let plan = Plan { requests: 12 * MIN_REQUESTS + 4, concurrency: 7, ..PLAN };
    let report = run(&api.url, &identities()[1], &plan).await;
    assert_eq!(report.requests(), 12 * MIN_REQUESTS);
    assert_eq!(api.load(), 12 * MIN_REQUESTS as usize);
}

#[tokio::test]
async fn the_load_ends_when_its_time_is_up() {
    let api = StandIn::start(|method, path, _| (usual(method, path), Duration::from_millis(100)));
    let api = api.await;
    let plan = Plan { requests: 100_000, duration: Duration::from_secs(3), concurrency: 2 };
    let began = Instant::now();
    let report = run(&api.url, &identities()[0], &plan).await;
    let time = began.elapsed();
    assert!(time > Duration::from_millis(2_500) && time < Duration::from_secs(30), "{time:?}");
    assert!(report.rows.iter().all(|row| !row.replies.is_empty()), "{}", report.table());
    // 30 for each of the two, and what is under way at the end of an endpoint's time.
    assert!(report.requests() <= 2 * 37, "{}", report.table());
}

#[tokio::test]
async fn nothing_is_created_if_the_token_is_not_accepted() {
    let api = StandIn::start(|_, _, _| (StatusCode::UNAUTHORIZED, Duration::ZERO)).await;
    let target = Target::new(&api.url, None, &PLAN).unwrap();
    let result = load::run(&target, &identities()[0], &PLAN, pending, &|_| {}).await;
    assert!(result.unwrap_err().to_string().contains("401"));
    assert_eq!(*api.requests.lock().unwrap(), ["GET /api/tasks?limit=1"]);
}

/// The command, without the developer's settings.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("load").args(arguments);
    // Empty means unset, and overrides a developer's .env.
    for variable in ["SMOKE_TOKEN", "SMOKE_ISSUER", "SMOKE_AUDIENCE", "SMOKE_CLIENT_ID"] {
        command.env(variable, "");
    }
    command.env("SMOKE_SECRET", Settings::default().secret());
    command
}

#[tokio::test]
async fn a_foreign_host_gets_nothing_without_its_name() {
    let url = "https://api.example.com";
    for arguments in [&[url][..], &[url, "--confirm", "example.com"]] {
        let output = command(arguments).output().await.unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("up to 1,000 requests in up to 60 s, 10 at once"), "{error}");
        assert!(error.contains("add --confirm api.example.com"), "{error}");
    }
}

#[tokio::test]
async fn the_command_speaks_https() {
    let server = server().await;
    let certificates = Localhost::new().unwrap();
    let (acceptor, upstream) = (certificates.acceptor(), server.url().replace("http://", ""));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((accepted, _)) = listener.accept().await {
            let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
            tokio::spawn(async move {
                let mut client = acceptor.accept(accepted).await.unwrap();
                let mut api = TcpStream::connect(upstream).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut api).await;
            });
        }
    });
    let requests = (10 * MIN_REQUESTS).to_string();
    let arguments = [&url, "--requests", &requests, "--concurrency", "2"];
    let output = command(&arguments).env("SSL_CERT_FILE", certificates.root()).output();
    let output = output.await.unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(table.contains(&format!("**{url}: {requests} requests in ")), "{table}");
    assert!(table.contains("10 × 204"), "{table}");
    assert_eq!(stored(&server).await, 0);
    let output = command(&arguments).env("SSL_CERT_FILE", "").output().await.unwrap();
    assert!(!output.status.success(), "nobody trusts that certificate");
    server.stop().await;
}
