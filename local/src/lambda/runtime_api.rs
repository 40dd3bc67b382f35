//! The Lambda Runtime API, as `lambda_runtime` uses it. The path of a request identifies the
//! instance that sends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;

use super::Outcome;
use super::pool::Pool;

/// The largest reply of a function.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

type Pools = Arc<BTreeMap<String, Arc<Pool>>>;

pub(super) fn router(pools: Pools) -> Router {
    const BASE: &str = "/{function}/{instance}/2018-06-01/runtime";
    Router::new()
        .route(&format!("{BASE}/invocation/next"), get(next))
        .route(&format!("{BASE}/invocation/{{id}}/response"), post(response))
        .route(&format!("{BASE}/invocation/{{id}}/error"), post(error))
        .route(&format!("{BASE}/init/error"), post(init_error))
        .layer(DefaultBodyLimit::disable())
        .with_state(pools)
}

async fn next(State(pools): State<Pools>, Path((name, instance)): Path<(String, u64)>) -> Response {
    let Some(pool) = pools.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(assignment) = pool.next(instance).await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = assignment.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{}", pool.name());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", assignment.id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000".to_owned()),
    ];
    (headers, assignment.event).into_response()
}

type Invocation = Path<(String, u64, String)>;

async fn response(State(pools): State<Pools>, path: Invocation, body: Bytes) -> StatusCode {
    if body.len() > MAX_RESPONSE_BYTES {
        let message = r#"{"errorType":"Function.ResponseSizeTooLarge"}"#;
        finish(&pools, path, Outcome::Error(Bytes::from_static(message.as_bytes())));
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    finish(&pools, path, Outcome::Reply(body));
    StatusCode::ACCEPTED
}

async fn error(State(pools): State<Pools>, path: Invocation, body: Bytes) -> StatusCode {
    finish(&pools, path, Outcome::Error(body));
    StatusCode::ACCEPTED
}

/// The process ends after this call, and its end fails the invocation.
async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

fn finish(pools: &Pools, Path((name, instance, id)): Invocation, outcome: Outcome) {
    if let Some(pool) = pools.get(&name) {
        pool.finish(instance, &id, outcome);
    }
}
