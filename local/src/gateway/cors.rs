//! CORS as an HTTP API implements it: the gateway answers preflights itself, and drops the
//! CORS headers of functions.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::lambda::LogSink;
use crate::template::Cors;

/// Whether a request is a CORS preflight (Fetch standard, section 3.2.2).
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key("access-control-request-method")
}

/// The reply to a preflight.
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

/// Adds the headers that let pages of `origin` read a response, if it is allowed.
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
    origin.is_some_and(|origin| cors.allow_origins.iter().any(|allowed| fits(allowed, origin)))
}

/// API Gateway compares origins exactly. Only this server knows the wildcard for ports
/// (`http://localhost:*`), which only the default of `BETTER_AUTH_URL` contains.
fn fits(allowed: &str, origin: &str) -> bool {
    let Some(host) = allowed.strip_suffix(":*") else { return allowed == origin };
    match origin.strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Logs each refused origin once: browsers do not say which setting to change.
pub(super) struct Refusals {
    logs: LogSink,
    logged: Mutex<BTreeSet<String>>,
}

impl Refusals {
    pub(super) fn new(logs: LogSink) -> Refusals {
        Refusals { logs, logged: Mutex::default() }
    }

    /// Logs the origin of a request with these headers, if it is refused. The API's own page
    /// needs no permission.
    pub(super) fn note(&self, cors: &Cors, headers: &HeaderMap) {
        let Some(origin) = headers.get(ORIGIN) else { return };
        let own = headers.get(HOST).map(|host| [b"http://", host.as_bytes()].concat());
        if is_allowed(cors, Some(origin)) || own.is_some_and(|own| own == origin.as_bytes()) {
            return;
        }
        let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
        let allowed = cors.allow_origins.join(", ");
        let line = format!("CORS refused a page of {origin}: BETTER_AUTH_URL allows {allowed}");
        if self.logged.lock().unwrap_or_else(PoisonError::into_inner).insert(origin) {
            (self.logs)("gateway", &line);
        }
    }
}
