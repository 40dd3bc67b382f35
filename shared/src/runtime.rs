//! The one way from the Lambda runtime to a handler and back.

use std::future::Future;
use std::time::Duration;

use lambda_http::http::Method;
use lambda_http::{RequestExt, service_fn};
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::App;
use crate::config::Config;
use crate::http::{self, Problem, Request, Response};
use crate::store;

/// Serves `handler` for as long as Lambda keeps this process.
///
/// The [`App`] is built once, before the first request. This is the only place
/// where a [`Problem`] becomes a reply and a log line.
///
/// # Errors
///
/// If the environment does not hold a valid configuration (the message names
/// the variable), or if the Lambda Runtime API cannot be reached.
pub async fn run<H, F>(handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(&'static App, Request) -> F + Send + Sync,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    start_logging();
    let config = Config::from_env().inspect_err(|error| tracing::error!("{error}"))?;
    let dynamodb = store::connect(&config).await;
    // Lives as long as the process does.
    let app: &'static App = Box::leak(Box::new(App::new(&config, dynamodb)));
    serve(|request| handler(app, request)).await
}

/// Serves a `handler` that needs neither a user nor the store, and so no
/// configuration either.
///
/// # Errors
///
/// If the Lambda Runtime API cannot be reached.
pub async fn run_public<H, F>(handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    start_logging();
    serve(handler).await
}

/// When the caller gets an answer at the latest. The function itself is cut off
/// at ten seconds, and then the answer would be the gateway's.
const ANSWER_WITHIN: Duration = Duration::from_millis(7500);

async fn serve<H, F>(handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let service = service_fn(|request: Request| {
        let request_id = request.lambda_context().request_id;
        let is_read = request.method() == Method::GET;
        let reply = handler(request);
        async move {
            let reply = tokio::time::timeout(ANSWER_WITHIN, reply).await;
            let mut response =
                reply.unwrap_or_else(|_| Err(Problem::late(is_read))).unwrap_or_else(|problem| {
                    problem.log(&request_id);
                    problem.into_response(&request_id)
                });
            http::secure(&mut response);
            Ok::<_, lambda_http::Error>(response)
        }
    });
    lambda_http::run(service).await
}

/// Log lines are JSON objects on standard output, filtered by `RUST_LOG`
/// (`info` without it, or if it makes no sense).
///
/// Whatever the filter says, other crates log nothing below `info`: there,
/// `lambda_runtime` logs whole events and the SDK whole requests, with the
/// token, the secrets and the tasks in them.
fn start_logging() {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|filter| filter.parse::<Targets>().ok())
        .unwrap_or_else(|| Targets::new().with_default(Level::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_filter(filter)
        .with_filter(filter_fn(|line| {
            line.target().starts_with("shared") || *line.level() <= Level::INFO
        }));
    tracing_subscriber::registry().with(lines).init();
}
