//! The whole API on this machine: an HTTP API, the functions and DynamoDB.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::serve::Listener;
use tokio::task::JoinHandle;

use crate::dynamodb::{Data, EmbeddedDynamoDb};
use crate::faults::{FaultProxy, ProxyOptions};
use crate::gateway::Gateway;
use crate::issuer::Issuer;
use crate::lambda::{Lambda, Launch, LogSink};
use crate::settings::Settings;
use crate::template::{Function, Template};
use crate::{listener, tables, token};

/// The table of tasks, by its logical id in the template.
pub const TASKS_TABLE: &str = "TasksTable";

/// The table of idempotency keys, by its logical id in the template.
pub const IDEMPOTENCY_TABLE: &str = "IdempotencyTable";

/// The user whose token is printed at startup and embedded in the API's page.
pub const DEMO_USER: &str = "demo";

/// How long the demo user's token is valid.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The options of a server.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Options {
    pub settings: Settings,
    /// Signs the tokens, instead of the issuer that the settings name.
    pub issuer: Option<Arc<Issuer>>,
    /// The port of the API; 0 means any free port.
    pub port: u16,
    /// The port of the embedded DynamoDB; 0 means any free port.
    pub dynamodb_port: u16,
    pub data: Data,
    /// Puts a proxy between the functions and DynamoDB.
    pub proxy: Option<ProxyOptions>,
    /// The functions' binaries, by name.
    pub binaries: BTreeMap<String, PathBuf>,
    /// Receives the log lines of the functions and of the gateway.
    pub logs: LogSink,
}

/// A running API.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    settings: Settings,
    gateway: JoinHandle<()>,
    backend: Backend,
}

/// The functions and their database, without an HTTP API in front.
#[derive(Debug)]
pub struct Backend {
    lambda: Arc<Lambda>,
    template: Template,
    dynamodb_url: String,
    proxy: Option<FaultProxy>,
    // Last: fields are dropped in order, and the others use it.
    embedded: EmbeddedDynamoDb,
}

impl Backend {
    /// Starts DynamoDB, creates the tables, and prepares the functions.
    ///
    /// # Errors
    ///
    /// If a port is in use, the data cannot be opened, or DynamoDB does not answer.
    pub async fn start(options: &Options) -> Result<Backend> {
        let template = options.settings.template()?;
        let embedded = EmbeddedDynamoDb::start(options.dynamodb_port, &options.data)?;
        tables::create(&tables::client(&embedded.url()), &template.tables).await?;
        let mut dynamodb_url = match options.settings.get("AWS_ENDPOINT_URL_DYNAMODB") {
            None => embedded.url(),
            Some(url) => {
                tables::create(&tables::client(url), &template.tables)
                    .await
                    .with_context(|| format!("AWS_ENDPOINT_URL_DYNAMODB={url}"))?;
                url.to_owned()
            }
        };
        let mut proxy = None;
        if let Some(options) = &options.proxy {
            let started = FaultProxy::start(dynamodb_url, options.clone()).await?;
            dynamodb_url = started.url().to_owned();
            proxy = Some(started);
        }
        let docs_token = token::sign(&options.settings, options.issuer.as_deref(), DEMO_USER, DAY);
        let mut settings = options.settings.clone();
        if settings.get("DOCS_TOKEN").is_none() {
            settings = settings.with("DOCS_TOKEN", &docs_token.unwrap_or_default());
        }
        let launches = template.functions.iter().filter_map(|function| {
            let binary = options.binaries.get(&function.name)?;
            Some(launch(function, binary.clone(), &settings, &dynamodb_url))
        });
        let lambda = Lambda::start(launches.collect(), options.logs.clone()).await?;
        Ok(Backend { lambda: Arc::new(lambda), template, dynamodb_url, proxy, embedded })
    }

    /// The functions.
    #[must_use]
    pub fn lambda(&self) -> &Lambda {
        &self.lambda
    }

    /// The template that the functions and tables come from.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The URL of the DynamoDB that the functions use.
    #[must_use]
    pub fn dynamodb_url(&self) -> &str {
        &self.dynamodb_url
    }

    /// The proxy between the functions and DynamoDB, if the options ask for one.
    #[must_use]
    pub fn proxy(&self) -> Option<&FaultProxy> {
        self.proxy.as_ref()
    }

    /// The URL of the embedded DynamoDB.
    #[must_use]
    pub fn embedded_url(&self) -> String {
        self.embedded.url()
    }
}

impl Server {
    /// Starts everything.
    ///
    /// # Errors
    ///
    /// As [`Backend::start`].
    pub async fn start(options: &Options) -> Result<Server> {
        let listener = listener::listen(options.port).await.with_context(|| {
            format!("port {} for the API (--port chooses another)", options.port)
        })?;
        let address = listener.local_addr()?;
        let mut options = options.clone();
        if let Some(issuer) = &options.issuer {
            options.settings = issuer.settings(options.settings, &format!("http://{address}"));
        }
        let backend = Backend::start(&options).await?;
        let (template, lambda) = (&backend.template, backend.lambda.clone());
        let mut gateway = Gateway::new(template, lambda, options.logs.clone()).into_router();
        if let Some(issuer) = &options.issuer {
            gateway = gateway.merge(issuer.router());
        }
        let service = gateway.into_make_service_with_connect_info::<SocketAddr>();
        let gateway = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, service).await;
        });
        Ok(Server { address, settings: options.settings, gateway, backend })
    }

    /// The URL of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The settings that the functions were started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The functions and their database.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Stops everything and waits until it has stopped.
    pub async fn stop(self) {
        self.gateway.abort();
        self.backend.lambda.stop().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gateway.abort();
    }
}

fn is_set(value: &Option<String>) -> bool {
    value.as_ref().is_some_and(|value| !value.is_empty())
}

/// How to start `function`: in the environment that the template defines. The developer's
/// settings override the template's values.
#[must_use]
pub fn launch(
    function: &Function,
    binary: PathBuf,
    settings: &Settings,
    dynamodb_url: &str,
) -> Launch {
    let mut environment = BTreeMap::new();
    for (name, default) in &function.environment {
        let value = match name.as_str() {
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(dynamodb_url),
            // Empty in the template: the function needs no secret. Otherwise the value is
            // a reference that only AWS can resolve.
            "BETTER_AUTH_SECRET" if default.is_some() => None,
            // Defaults to the development secret.
            "BETTER_AUTH_SECRET" if settings.get("JWKS_URL").is_none() => Some(settings.secret()),
            // Only CloudWatch reads metrics; here they would only make the lines longer.
            "METRICS_NAMESPACE" => settings.get(name),
            // If it has a resource, its tokens are issued for that.
            "JWT_AUDIENCE" if function.environment.get("MCP_RESOURCE").is_some_and(is_set) => {
                default.as_deref()
            }
            // Tables have the names that they were created with.
            name if name.ends_with("_TABLE") => default.as_deref(),
            name => settings.get(name).or(default.as_deref()),
        };
        if let Some(value) = value {
            environment.insert(name.clone(), value.to_owned());
        }
    }
    // Lambda sets these itself.
    for name in ["RUST_BACKTRACE", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"] {
        if let Some(value) = settings.get(name) {
            environment.insert(name.to_owned(), value.to_owned());
        }
    }
    Launch {
        name: function.name.clone(),
        binary,
        wrapper: Vec::new(),
        timeout: function.timeout,
        memory_size: function.memory_size,
        environment,
    }
}
