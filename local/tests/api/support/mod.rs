//! An API for each test: the local gateway, the real function binaries and an embedded
//! DynamoDB, all on free ports. They stop when the test ends.

pub(crate) mod document;
pub(crate) mod function;
pub(crate) mod hostile;
pub(crate) mod issuer;
pub(crate) mod keys;
pub(crate) mod recorded;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::binaries::{self, Profile};
use local::dynamodb::Data;
use local::faults::{FaultPlan, FaultProxy, ProxyOptions};
use local::settings::Settings;
use local::{Options, Server, TASKS_TABLE, tables, token};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The binaries of all functions, built once for all tests.
pub(crate) fn binaries() -> &'static BTreeMap<String, PathBuf> {
    static BINARIES: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    BINARIES.get_or_init(|| {
        let template = Settings::default().template().unwrap();
        binaries::build(&template.names(), Profile::Test).unwrap()
    })
}

pub(crate) struct TestApp {
    pub(crate) server: Server,
    settings: Settings,
    http: reqwest::Client,
    logs: Arc<Mutex<Vec<String>>>,
}

impl TestApp {
    pub(crate) async fn start() -> TestApp {
        TestApp::start_with(Settings::default(), Data::Memory).await
    }

    pub(crate) async fn start_with(settings: Settings, data: Data) -> TestApp {
        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = logs.clone();
        let options = Options {
            settings: settings.clone(),
            issuer: None,
            proxy: Some(ProxyOptions::default()),
            port: 0,
            dynamodb_port: 0,
            data,
            binaries: binaries().clone(),
            logs: Arc::new(move |_, line| sink.lock().unwrap().push(line.to_owned())),
        };
        let server = Server::start(&options).await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        TestApp { server, settings, http, logs }
    }

    /// A caller with a valid token.
    pub(crate) fn user(&self, name: &str) -> Caller<'_> {
        let token = token::sign(&self.settings, None, name, Duration::from_secs(3600)).unwrap();
        Caller { app: self, authorization: Some(format!("Bearer {token}")) }
    }

    /// A caller whose token has this `scope`.
    pub(crate) fn user_with_scope(&self, name: &str, scope: &Value) -> Caller<'_> {
        let (settings, hour) = (&self.settings, Duration::from_secs(3600));
        let token = token::sign_scoped(settings, None, name, hour, Some(scope)).unwrap();
        Caller { app: self, authorization: Some(format!("Bearer {token}")) }
    }

    /// A caller without a token.
    pub(crate) fn anonymous(&self) -> Caller<'_> {
        Caller { app: self, authorization: None }
    }

    /// A caller with this `Authorization` header.
    pub(crate) fn with_authorization(&self, authorization: &str) -> Caller<'_> {
        Caller { app: self, authorization: Some(authorization.to_owned()) }
    }

    /// The proxy between the functions and DynamoDB.
    pub(crate) fn proxy(&self) -> &FaultProxy {
        self.server.backend().proxy().unwrap()
    }

    /// The faults between the functions and DynamoDB: none, unless the test plans some.
    pub(crate) fn faults(&self) -> &FaultPlan {
        self.proxy().faults()
    }

    /// The items in the table of tasks.
    pub(crate) async fn stored_tasks(&self) -> Vec<HashMap<String, AttributeValue>> {
        let client = tables::client(&self.server.backend().embedded_url());
        let scan = client.scan().table_name(TASKS_TABLE).send().await.unwrap();
        scan.items.unwrap_or_default()
    }

    /// What the functions and the gateway have written to their logs.
    pub(crate) fn logs(&self) -> Vec<String> {
        self.logs.lock().unwrap().clone()
    }
}

#[derive(Clone)]
pub(crate) struct Caller<'a> {
    app: &'a TestApp,
    authorization: Option<String>,
}

impl Caller<'_> {
    /// The token of this caller.
    pub(crate) fn token(&self) -> String {
        let authorization = self.authorization.as_deref().unwrap();
        authorization.strip_prefix("Bearer ").unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.json(Method::POST, path, &[], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.json(Method::PUT, path, &[], body).await
    }

    /// Flips the completion of the task at `path`.
    pub(crate) async fn flip(&self, path: &str) -> Reply {
        self.send(Method::PATCH, &format!("{path}/complete"), &[], Vec::new()).await
    }

    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Reply {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        self.send(method, path, &headers, body.to_string().into_bytes()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let url = format!("{}{path}", self.app.server.url());
        let mut request = self.app.http.request(method.clone(), url).body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let reply = Reply { status, headers, body: response.bytes().await.unwrap().to_vec() };
        document::check(method.as_str(), path, &reply);
        reply
    }

    /// Creates a task and returns its path.
    pub(crate) async fn task(&self, title: &str) -> String {
        let reply = self.post("/api/tasks", serde_json::json!({ "title": title })).await;
        reply.expect(StatusCode::CREATED).header("location").to_owned()
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Returns this reply, after checking its status.
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Reply {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Reply {
        self.expect(StatusCode::OK)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    /// The `detail` of a problem document, after checking the status and the other members.
    #[track_caller]
    pub(crate) fn problem(self, status: StatusCode) -> String {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["title"], status.canonical_reason().unwrap());
        let is_resync = status == StatusCode::GONE;
        let problem_type = if is_resync { "resync-required" } else { "about:blank" };
        assert_eq!(problem["type"], problem_type);
        assert!(!problem["request_id"].as_str().unwrap().is_empty());
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// The titles in a list.
    #[track_caller]
    pub(crate) fn titles(&self) -> Vec<String> {
        let tasks = self.json();
        let tasks = tasks.as_array().unwrap().iter();
        tasks.map(|task| task["title"].as_str().unwrap().to_owned()).collect()
    }

    /// The target of the `Link` to the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.headers.get("link")?;
        let (target, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        Some(target.to_owned())
    }
}

/// Waits until `condition` holds, for at most 30 seconds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not become true in time");
        tokio::task::yield_now().await;
    }
}

/// Sends a signal to a process.
pub(crate) fn kill(signal: &str, process: u32) {
    let command = format!("kill {signal} {process}");
    assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success());
}
