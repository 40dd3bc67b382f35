//! CORS as an HTTP API does it: the gateway answers preflights itself, and
//! takes no CORS headers from functions.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::template::Cors;

/// Whether a request asks what another one may do (Fetch standard, section
/// 3.2.2).
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key("origin")
        && headers.contains_key("access-control-request-method")
}

/// The answer to a preflight.
pub(super) fn preflight(cors: &Cors, origin: Option<&HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if is_allowed(cors, origin) {
        let headers = response.headers_mut();
        set(headers, "access-control-allow-methods", &cors.allow_methods.join(","));
        set(headers, "access-control-allow-headers", &cors.allow_headers.join(","));
        set(headers, "access-control-max-age", &cors.max_age.to_string());
    }
    response
}

/// Lets pages of `origin` see a response, if they may.
pub(super) fn allow(cors: &Cors, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    let Some(origin) = origin.filter(|_| is_allowed(cors, origin)) else { return };
    headers.insert("access-control-allow-origin", origin.clone());
    headers.append("vary", HeaderValue::from_static("origin"));
    set(headers, "access-control-expose-headers", &cors.expose_headers.join(","));
    if cors.allow_credentials {
        set(headers, "access-control-allow-credentials", "true");
    }
}

fn is_allowed(cors: &Cors, origin: Option<&HeaderValue>) -> bool {
    let origin = origin.and_then(|origin| origin.to_str().ok());
    origin.is_some_and(|origin| {
        cors.allow_origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    })
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
