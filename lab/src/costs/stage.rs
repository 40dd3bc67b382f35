//! The environment in which one function is measured.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::serve::Listener;
use bytes::Bytes;
use local::certificates::Localhost;
use local::dynamodb::{Data, EmbeddedDynamoDb};
use local::faults::{FaultProxy, ProxyOptions, Usage};
use local::issuer::Issuer;
use local::lambda::{Lambda, Launch, LogSink, Outcome};
use local::settings::Settings;
use local::{DAY, event_tasks, launch, listener, seed, tables, token};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::MeasuredRequest;

/// The timeout for a function that should ask for a request, even under callgrind.
const PATIENCE: Duration = Duration::from_secs(60);

/// The length of the session tokens that Lambda gives to functions.
const SESSION_TOKEN_BYTES: usize = 900;

/// A function, DynamoDB behind TLS and, if tokens need one, an issuer.
pub(super) struct Stage {
    lambda: Lambda,
    proxy: FaultProxy,
    request: MeasuredRequest,
    /// Replaces the token of the events.
    token: Option<String>,
    /// How many requests the function has answered.
    answered: u32,
    /// How many requests to DynamoDB each of them needed.
    calls: Option<u64>,
    /// The task that publishes the key set.
    key_set: Option<JoinHandle<()>>,
    _certificates: Localhost,
    _embedded: EmbeddedDynamoDb,
}

impl Stage {
    /// Prepares new data and the function of `request`, without starting it. `wrapper` may
    /// be a program that runs the function.
    pub(super) async fn new(
        settings: &Settings,
        request: &MeasuredRequest,
        binary: &Path,
        wrapper: Vec<String>,
    ) -> Result<Stage> {
        let template = settings.template()?;
        let embedded = EmbeddedDynamoDb::start(0, &Data::Memory)?;
        let client = tables::client(&embedded.url());
        tables::create(&client, &template.tables).await?;
        event_tasks::load(&client, settings).await?;
        seed::fill_all(&client, settings, &[(event_tasks::USER.to_owned(), request.tasks)], |_| {})
            .await?;
        let mut request = request.clone();
        request.prepare(&client, settings).await?;

        let certificates = Localhost::new()?;
        let metered = ProxyOptions { is_metered: true, ..ProxyOptions::default() };
        let acceptor = certificates.acceptor();
        let proxy = FaultProxy::start_tls(embedded.url(), metered, acceptor).await?;
        let mut environment = as_on_lambda();
        let root = certificates.root().to_str().context("a path in UTF-8")?;
        environment.insert("SSL_CERT_FILE".to_owned(), root.to_owned());
        let mut settings = settings.clone().with("METRICS_NAMESPACE", "TasksApi");
        let (mut token, mut key_set) = (None, None);
        if request.has_key_set {
            let issuer = Issuer::open(&Data::Memory)?;
            let (url, serving) = publish(&issuer).await?;
            key_set = Some(serving);
            settings = issuer.settings(settings, &url);
            token = Some(token::sign(&settings, Some(&issuer), event_tasks::USER, DAY)?);
        }
        let function = template.function(request.function)?;
        let mut launch = launch(function, binary.to_owned(), &settings, proxy.url());
        launch.environment.extend(environment);
        let lambda = Lambda::start(vec![Launch { wrapper, ..launch }], quiet()).await?;
        Ok(Stage {
            lambda,
            proxy,
            request,
            token,
            answered: 0,
            calls: None,
            key_set,
            _certificates: certificates,
            _embedded: embedded,
        })
    }

    /// Starts the function, waits until it asks for a request, and returns its process id.
    pub(super) async fn start(&self) -> Result<u32> {
        let process = self.ready().await?;
        // It opens its connection with a request that names no operation.
        let opened = self.proxy.executed("");
        ensure!(opened == u64::from(self.request.has_store()), "{opened} connections opened");
        Ok(process)
    }

    /// As [`Stage::start`], while DynamoDB cannot be reached.
    pub(super) async fn start_unwarmed(&self) -> Result<u32> {
        self.proxy.refuse_connections(true);
        let process = self.ready().await?;
        self.proxy.refuse_connections(false);
        ensure!(self.proxy.executed("") == 0, "DynamoDB was reachable");
        Ok(process)
    }

    /// Waits until the function asks for a request, and returns its process id.
    pub(super) async fn ready(&self) -> Result<u32> {
        let ready = self.lambda.ready(self.request.function);
        timeout(PATIENCE, ready).await.context("the function did not ask for a request")?
    }

    /// Lets the function answer one request, and waits until it asks for the next.
    pub(super) async fn invoke(&mut self) -> Result<()> {
        self.answer().await?;
        self.ready().await.map(drop)
    }

    /// Lets the function answer one request, and returns how long the invocation took.
    pub(super) async fn answer(&mut self) -> Result<Duration> {
        let event = self.request.event(self.answered, self.token.as_deref())?;
        self.answered += 1;
        let before = self.usage().requests;
        let began = Instant::now();
        let outcome = self.lambda.invoke(self.request.function, event).await?;
        let elapsed = began.elapsed();
        let Outcome::Reply(reply) = outcome else { bail!("{}: {outcome:?}", self.request.name) };
        self.check(&reply)?;
        // A retry would distort the measurement.
        let calls = self.usage().requests - before;
        let expected = *self.calls.get_or_insert(calls);
        ensure!(calls == expected, "{calls} requests to DynamoDB instead of {expected}");
        Ok(elapsed)
    }

    fn check(&self, reply: &Bytes) -> Result<()> {
        let reply: Value = serde_json::from_slice(reply)?;
        if reply["statusCode"] != self.request.status {
            bail!("{} answers {reply}", self.request.name);
        }
        Ok(())
    }

    /// What DynamoDB has read and charged so far.
    pub(super) fn usage(&self) -> Usage {
        self.proxy.usage()
    }

    /// Stops the function.
    pub(super) async fn stop(self) {
        self.key_set.iter().for_each(JoinHandle::abort);
        self.lambda.stop().await;
    }
}

/// A sink that discards the function's logs.
fn quiet() -> LogSink {
    Arc::new(|_, _| {})
}

/// The variables that Lambda sets and the local server does not.
fn as_on_lambda() -> BTreeMap<String, String> {
    let token = format!("IQoJb3JpZ2luX2VjE{}", "x".repeat(SESSION_TOKEN_BYTES));
    [
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLEEXAMPLE00"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", &token),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("_HANDLER", "bootstrap"),
        ("USER_HASH_KEY", "0123456789abcdef0123456789abcdef"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Publishes the issuer's key set on a free port, and returns the issuer's URL.
async fn publish(issuer: &Issuer) -> Result<(String, JoinHandle<()>)> {
    let listener = listener::listen(0).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = issuer.router();
    let serving = tokio::spawn(async move {
        // Serving ends only with the task.
        let _ = axum::serve(listener, router).await;
    });
    Ok((url, serving))
}
