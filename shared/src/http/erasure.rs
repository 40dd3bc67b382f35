//! The reply to an erasure.

use lambda_http::Request;
use lambda_http::http::StatusCode;

use super::Response;
use super::response::{json, no_content, set_next};
use crate::auth::User;
use crate::store::Erasure;

/// 204, if nothing of `user` is left. Otherwise 202, with a `Link` that goes on.
#[must_use]
pub fn erased(request: &Request, user: &User, erasure: Erasure) -> Response {
    let Erasure { erased: _, remaining, last } = erasure;
    if !remaining {
        return no_content();
    }
    let mut response = json(StatusCode::ACCEPTED, "{\"remaining\":true}".to_owned());
    let mut target = form_urlencoded::Serializer::new(String::new());
    target.append_pair("confirm", user.id());
    if let Some(last) = last {
        target.append_pair("cursor", &last.to_string());
    }
    set_next(&mut response, request, &target.finish());
    response
}
