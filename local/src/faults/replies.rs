//! The replies that the proxy makes up or damages.

use anyhow::anyhow;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use futures::stream;

const TRANSACTION: &str = "TransactWriteItems";

pub(super) fn throttled(operation: &str) -> Response<Body> {
    match operation {
        TRANSACTION => cancelled("ThrottlingError"),
        _ => error(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException", ""),
    }
}

pub(super) fn conflict(operation: &str) -> Response<Body> {
    match operation {
        TRANSACTION => cancelled("TransactionConflict"),
        _ => error(StatusCode::BAD_REQUEST, "TransactionConflictException", ""),
    }
}

pub(super) fn internal_error() -> Response<Body> {
    error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "")
}

pub(super) fn garbage() -> Response<Body> {
    Response::new(Body::from("<html>not what you think</html>"))
}

/// Half of a reply, with the headers of the whole one.
pub(super) fn cut(reply: Response<Bytes>) -> Response<Body> {
    reply.map(|body| {
        let half = body.slice(..body.len() / 2);
        let end = Err(anyhow!("cut on purpose"));
        Body::from_stream(stream::iter([Ok::<_, anyhow::Error>(half), end]))
    })
}

/// A transaction that is cancelled because of its first part.
fn cancelled(code: &str) -> Response<Body> {
    let reasons = format!(
        r#","CancellationReasons":[{{"Code":"{code}","Message":"on purpose"}},{{"Code":"None"}}]"#
    );
    error(StatusCode::BAD_REQUEST, "TransactionCanceledException", &reasons)
}

/// An error of DynamoDB. `members` are further members of its JSON.
fn error(status: StatusCode, name: &str, members: &str) -> Response<Body> {
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"on purpose"{members}}}"#
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert("content-type", json);
    response
}
