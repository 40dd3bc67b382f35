//! Builds replies from tasks, lists and documents.

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LINK, LOCATION,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use serde::Serialize;

use super::entity_tag::{self, EntityTags};
use super::{Page, Response};
use crate::record;
use crate::store::Created;
use crate::task::{ListQuery, Task};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// 200 with the task and its `ETag`.
#[must_use]
pub fn ok(task: &Task) -> Response {
    with_task(StatusCode::OK, task)
}

/// 200 as [`ok`]; 304 without a body if the caller already has this version.
#[must_use]
pub fn ok_unless_known(task: &Task, known: &Option<EntityTags>) -> Response {
    let tag = entity_tag::of(task);
    let mut response = if knows(known, &tag) { not_modified(&tag) } else { ok(task) };
    // Only the caller may cache it, and must revalidate it each time (RFC 9111).
    set(&mut response, CACHE_CONTROL, "private, no-cache");
    response
}

/// 201 with the task, its `ETag` and its `Location`; also with `Idempotency-Replayed` if
/// an earlier request created it.
///
/// The location is a path, so it is valid behind any host, stage or proxy.
#[must_use]
pub fn created(request: &Request, created: &Created) -> Response {
    let task = &created.task;
    let mut response = with_task(StatusCode::CREATED, task);
    let location = format!("{}/{}", request.raw_http_path().trim_end_matches('/'), task.id);
    set(&mut response, LOCATION, &location);
    if created.replayed {
        set(&mut response, REPLAYED, "true");
    }
    response
}

/// As [`created`], for a task at the path of the request. If an earlier request created it,
/// 200 with `Idempotency-Replayed` and the task as it is now.
#[must_use]
pub fn created_at(request: &Request, created: &Created) -> Response {
    let Created { task, replayed } = created;
    let mut response =
        with_task(if *replayed { StatusCode::OK } else { StatusCode::CREATED }, task);
    if *replayed {
        set(&mut response, REPLAYED, "true");
    } else {
        // The id in the path may be in upper case.
        let folder = request.raw_http_path().rsplit_once('/').map_or("", |(folder, _)| folder);
        set(&mut response, LOCATION, &format!("{folder}/{}", task.id));
    }
    response
}

/// 204 without a body.
#[must_use]
pub fn no_content() -> Response {
    bare(StatusCode::NO_CONTENT)
}

/// 200 with the tasks of `page`, and a `Link` to the `next` page, if there is one (RFC
/// 8288). The log records a next page that the caller did not ask for with a limit.
#[must_use]
pub fn list(request: &Request, page: Page, next: Option<&ListQuery>) -> Response {
    let mut response = json(StatusCode::OK, page.into_json());
    if let Some(next) = next {
        set_next(&mut response, request, &query_string(next));
        if next.limit.is_none() {
            record::cut_list();
        }
    }
    response
}

/// Content that is the same for every caller until the next deployment.
#[derive(Debug)]
#[allow(missing_docs)] // Header fields.
pub struct Document {
    pub content_type: &'static str,
    pub content_encoding: Option<&'static str>,
    pub content_security_policy: Option<&'static str>,
    pub cache_control: &'static str,
    /// The content of its entity tag.
    pub tag: String,
    pub body: Body,
}

/// 200 with `document`; 304 without a body if the caller already has it.
#[must_use]
pub fn document(document: Document, known: &Option<EntityTags>) -> Response {
    let tag = entity_tag::quoted(&document.tag);
    let mut response = if knows(known, &tag) {
        not_modified(&tag)
    } else {
        let mut response = Response::new(document.body);
        set(&mut response, ETAG, &tag);
        set(&mut response, CONTENT_TYPE, document.content_type);
        if let Some(encoding) = document.content_encoding {
            set(&mut response, CONTENT_ENCODING, encoding);
        }
        if let Some(policy) = document.content_security_policy {
            set(&mut response, CONTENT_SECURITY_POLICY, policy);
        }
        response
    };
    set(&mut response, CACHE_CONTROL, document.cache_control);
    set(&mut response, VARY, "accept-encoding");
    response
}

/// Adds the headers of every reply: no content type sniffing, and no caching unless the
/// reply says otherwise.
pub(crate) fn secure(response: &mut Response) {
    set(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    if !response.headers().contains_key(CACHE_CONTROL) {
        set(response, CACHE_CONTROL, "no-store");
    }
}

fn knows(known: &Option<EntityTags>, tag: &str) -> bool {
    known.as_ref().is_some_and(|tags| tags.contain(tag))
}

fn not_modified(tag: &str) -> Response {
    let mut response = bare(StatusCode::NOT_MODIFIED);
    set(&mut response, ETAG, tag);
    response
}

/// 200 with `value` as JSON.
#[must_use]
pub fn ok_json(value: &impl Serialize) -> Response {
    status_json(StatusCode::OK, value)
}

/// `status` with `value` as JSON.
#[must_use]
pub fn status_json(status: StatusCode, value: &impl Serialize) -> Response {
    json(status, to_json(value))
}

/// Returns a reply whose body is the JSON `text`.
pub(super) fn json(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn with_task(status: StatusCode, task: &Task) -> Response {
    let mut response = json(status, to_json(task));
    set(&mut response, ETAG, &entity_tag::of(task));
    response
}

/// Serializes `value` as JSON.
#[expect(clippy::expect_used, reason = "structs of strings and numbers cannot fail")]
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("values that JSON can hold")
}

/// `status` without a body.
#[must_use]
pub fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Sets a header. The values are made of ids, paths and query strings, which contain no
/// character that a header cannot.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Sets a `Link` to what follows, at the path of the request (RFC 8288).
pub(super) fn set_next(response: &mut Response, request: &Request, query: &str) {
    set(response, LINK, &format!("<{}?{query}>; rel=\"next\"", request.raw_http_path()));
}

/// Encodes `query` as a query string.
#[must_use]
pub fn query_string(query: &ListQuery) -> String {
    let ListQuery { status, sort, order, window, filter, limit, cursor } = query;
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("status", status.as_str());
    pairs.append_pair("sort", sort.as_str());
    pairs.append_pair("order", order.as_str());
    pairs.extend_pairs(window.parameters());
    pairs.extend_pairs(filter.parameters());
    if let Some(limit) = limit {
        pairs.append_pair("limit", &limit.to_string());
    }
    if let Some(cursor) = cursor {
        pairs.append_pair("cursor", cursor);
    }
    pairs.finish()
}
