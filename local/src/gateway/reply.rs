//! Turns a function's reply into an HTTP response.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

/// A reply in response format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaReply {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response; `None` if the reply does not have the format that the gateway expects.
pub(super) fn from_lambda(reply: &[u8]) -> Option<Response> {
    let reply: LambdaReply = serde_json::from_slice(reply).ok()?;
    let body = reply.body.unwrap_or_default();
    let body = if reply.is_base64_encoded {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status_code).ok()?;
    for (name, value) in reply.headers {
        if name.to_ascii_lowercase().starts_with("access-control-") {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        response.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    for cookie in reply.cookies {
        response.headers_mut().append("set-cookie", HeaderValue::from_str(&cookie).ok()?);
    }
    Some(response)
}
