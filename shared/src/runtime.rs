//! The only path from the Lambda runtime to a handler and back.

use std::future::Future;

use lambda_http::http::Method;
use lambda_http::request::LambdaRequest;
use lambda_http::{LambdaEvent, lambda_runtime, service_fn};

use crate::App;
use crate::config::{Config, Logging};
use crate::deadlines;
use crate::http::{self, Problem, Request, Response, event};
use crate::store;
use crate::telemetry::{Audience, Ids, Telemetry};

/// Serves requests for `operation` with `handler` until Lambda ends the process.
///
/// Builds the [`App`] once, before the first request. This is the only place that turns a
/// [`Problem`] into a log line and a reply.
///
/// # Errors
///
/// If the environment does not hold a valid configuration (the message names
/// the variable), or if the Lambda Runtime API cannot be reached.
pub async fn run<H, F>(operation: &'static str, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(&'static App, Request) -> F + Send + Sync,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let telemetry = Telemetry::start(operation, Audience::Users, Logging::from_env());
    let config = Config::from_env().inspect_err(|error| tracing::error!("{error}"))?;
    let dynamodb = store::connect(&config).await.inspect_err(|error| tracing::error!("{error}"))?;
    // Lives as long as the process does.
    let app: &'static App = Box::leak(Box::new(App::new(&config, dynamodb.client.clone())));
    tokio::join!(dynamodb.warm_up(), app.warm_up());
    serve(telemetry, |request| handler(app, request)).await
}

/// Serves a `handler` that needs no user and no store, and therefore no configuration.
///
/// # Errors
///
/// If the Lambda Runtime API cannot be reached.
pub async fn run_public<H, F>(operation: &'static str, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let telemetry = Telemetry::start(operation, Audience::Everybody, Logging::from_env());
    serve(telemetry, handler).await
}

async fn serve<H, F>(telemetry: Telemetry, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let telemetry = &telemetry;
    let service = service_fn(|LambdaEvent { payload, context }: LambdaEvent<LambdaRequest>| {
        let gateways_id = event::request_id(&payload);
        let reply = event::request(payload).map(|request| {
            let is_read = request.method() == Method::GET;
            // Boxed: otherwise each future around it holds it twice, as its argument and
            // as what it awaits. That would be 90 KB to move, several times per request.
            (is_read, Box::pin(handler(request)))
        });
        async move {
            let reply = async {
                let (is_read, reply) = reply?;
                let reply = tokio::time::timeout(deadlines::ANSWER, reply).await;
                reply.unwrap_or_else(|_| Err(Problem::late(is_read)))
            };
            let ids = Ids::of(&context, gateways_id.as_deref());
            let reply = telemetry.record(&ids, reply).await;
            let mut response =
                reply.unwrap_or_else(|problem| problem.into_response(ids.correlation));
            http::secure(&mut response);
            Ok::<_, lambda_http::Error>(event::reply(response))
        }
    });
    lambda_runtime::run(service).await
}
