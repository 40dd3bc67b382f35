//! Parses requests into typed input.

use lambda_http::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH,
};
use lambda_http::http::{HeaderName, StatusCode};
use lambda_http::{Request, RequestExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::event::RawQuery;
use super::{EntityTags, Problem};
use crate::json;
use crate::store::MAX_REVISIONS;
use crate::task::{IdempotencyKey, Precondition, QueryInput, TaskId, Timestamp};

/// The largest body that is accepted, in bytes: more than the largest task takes, however it is
/// escaped.
pub const MAX_BODY_BYTES: usize = 32 * 1024;

/// Returns the value of the `Authorization` header, if there is one.
#[must_use]
pub fn authorization(request: &Request) -> Option<&[u8]> {
    request.headers().get(AUTHORIZATION).map(|value| value.as_bytes())
}

/// Parses the body, which must be a JSON object.
///
/// # Errors
///
/// 413 if the body is larger than [`MAX_BODY_BYTES`], 415 if its content type is not
/// JSON, 400 if it is not an object with the fields of `T`. A body without a content type
/// counts as JSON.
pub fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    object("The body", body_within(request, MAX_BODY_BYTES)?)
}

/// Returns the bytes of a JSON body, of which there may be at most `most`.
///
/// # Errors
///
/// 413 if there are more, 415 if its content type is not JSON.
pub fn body_within(request: &Request, most: usize) -> Result<&[u8], Problem> {
    let bytes: &[u8] = request.body().as_ref();
    if bytes.len() > most {
        let detail = format!("The body must have at most {most} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    if !request.headers().get(CONTENT_TYPE).is_none_or(|value| is_json(value.as_bytes())) {
        let detail = "The body must be JSON, with Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Ok(bytes)
}

/// Parses a JSON object; `what` names it in the error.
pub(super) fn object<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, Problem> {
    json::object(bytes)
        .map_err(|error| Problem::bad_request(format!("{what} {}", what_is_wrong(&error))))
}

/// As [`body`], but without a body, all of `T` is absent.
///
/// # Errors
///
/// As [`body`].
pub fn optional_body<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Problem> {
    if request.body().is_empty() { Ok(T::default()) } else { body(request) }
}

/// Parses the task id in the path. Endpoints call this last, so an invalid request gets
/// the same reply whatever task it names.
///
/// # Errors
///
/// 404 if it is not a UUIDv7, because no task has such an id.
pub fn task_id(request: &Request) -> Result<TaskId, Problem> {
    existing_id(path_parameter(request, "task_id").unwrap_or_default())
}

pub(super) fn existing_id(text: &str) -> Result<TaskId, Problem> {
    TaskId::parse(text).ok_or_else(Problem::task_not_found)
}

/// As [`task_id`], for a task that is to be created at this id.
///
/// # Errors
///
/// 400 if it is not a UUIDv7, or if it was made more than a minute from now.
pub fn new_task_id(request: &Request) -> Result<TaskId, Problem> {
    new_id(path_parameter(request, "task_id").unwrap_or_default())
}

/// As [`new_task_id`], from an id in the body.
///
/// # Errors
///
/// As [`new_task_id`].
pub fn new_id(text: &str) -> Result<TaskId, Problem> {
    match TaskId::parse(text) {
        None => Err(Problem::bad_request("The id of a new task must be a UUIDv7")),
        Some(id) if id.is_ahead_of(Timestamp::now()) => {
            Err(Problem::bad_request("The id of a new task must not be from the future"))
        }
        Some(id) => Ok(id),
    }
}

/// Decodes the query parameters. A character that should be percent-encoded stands for
/// itself. Invalid UTF-8 is replaced, so the parameter's own rule rejects it.
#[must_use]
pub fn query(request: &Request) -> QueryInput {
    let mut parameters = QueryInput::new();
    if let Some(RawQuery(raw)) = request.extensions().get() {
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            parameters.entry(name.into_owned()).or_default().push(value.into_owned());
        }
    }
    parameters
}

/// Returns the path as the caller sent it.
#[must_use]
pub fn path(request: &Request) -> &str {
    request.raw_http_path()
}

/// Returns the value of the path parameter `name`, if the route has it.
#[must_use]
pub fn path_parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.path_parameters_ref().and_then(|parameters| parameters.first(name))
}

/// Whether the caller accepts a compressed reply (RFC 9110 section 12.5.3).
#[must_use]
pub fn accepts_gzip(request: &Request) -> bool {
    let values = request.headers().get_all(ACCEPT_ENCODING).iter();
    values.filter_map(|value| value.to_str().ok()).any(has_gzip)
}

/// Whether a list of codings contains gzip with a weight above zero.
fn has_gzip(codings: &str) -> bool {
    codings.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight =
            parts.find_map(|part| part.to_ascii_lowercase().strip_prefix("q=")?.parse().ok());
        is_gzip && weight.is_none_or(|weight: f32| weight > 0.0)
    })
}

/// Returns the idempotency key of the request, if it has one.
///
/// # Errors
///
/// 400 if `Idempotency-Key` is not 1 to 255 visible ASCII characters.
pub fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    match value.to_str().ok().and_then(IdempotencyKey::parse) {
        Some(key) => Ok(Some(key)),
        None => Err(Problem::bad_request("Idempotency-Key must have 1 to 255 visible characters")),
    }
}

/// Returns what the request requires of the task that it changes (RFC 9110 section
/// 13.2.2).
///
/// # Errors
///
/// 400 if `If-Match` or `If-None-Match` is neither `*` nor a list of quoted tags, or if
/// the list is too long.
pub fn precondition(request: &Request) -> Result<Precondition, Problem> {
    let tags = |name: &HeaderName| match entity_tags(request, name)? {
        Some(tags) => few(canonical(name), tags).map(Some),
        None => Ok(None),
    };
    Ok(EntityTags::into_precondition(tags(&IF_MATCH)?, tags(&IF_NONE_MATCH)?))
}

/// As [`precondition`], from a value of `If-Match` that the caller calls `name`; `None` if it
/// is no text.
pub(super) fn if_match(name: &str, value: Option<&str>) -> Result<Precondition, Problem> {
    let tags = few(name, parse_tags(name, value)?)?;
    Ok(EntityTags::into_precondition(Some(tags), None))
}

/// Returns `tags`, unless they are too many for a condition.
fn few(name: &str, tags: EntityTags) -> Result<EntityTags, Problem> {
    match tags {
        EntityTags::List(tags) if tags.len() > MAX_REVISIONS => {
            let detail = format!("{name} must have at most {MAX_REVISIONS} entity tags");
            Err(Problem::bad_request(detail))
        }
        tags => Ok(tags),
    }
}

/// Returns the versions that the caller already has, if it names any.
///
/// # Errors
///
/// 400 if `If-None-Match` is neither `*` nor a list of quoted tags.
pub fn if_none_match(request: &Request) -> Result<Option<EntityTags>, Problem> {
    entity_tags(request, &IF_NONE_MATCH)
}

fn entity_tags(request: &Request, name: &HeaderName) -> Result<Option<EntityTags>, Problem> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    parse_tags(canonical(name), value.to_str().ok()).map(Some)
}

fn parse_tags(name: &str, value: Option<&str>) -> Result<EntityTags, Problem> {
    value.and_then(EntityTags::parse).ok_or_else(|| {
        Problem::bad_request(format!("{name} must be * or a list of entity tags in double quotes"))
    })
}

/// Returns the name of a header as specifications write it.
fn canonical(name: &HeaderName) -> &'static str {
    if name == IF_MATCH { "If-Match" } else { "If-None-Match" }
}

/// Whether the type is `application/json` or one built on it, `application/…+json` (RFC
/// 6839 section 3.1). Parameters and case do not matter.
fn is_json(content_type: &[u8]) -> bool {
    let content_type = String::from_utf8_lossy(content_type);
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Returns why JSON is not the expected object, as the end of a sentence that begins with its
/// name. Does not quote it, as serde_json's own text may.
pub(super) fn what_is_wrong(error: &serde_json::Error) -> String {
    let place = format!("at line {} column {}", error.line(), error.column());
    let reason = match error.classify() {
        Category::Data => {
            let text = error.to_string();
            if text.starts_with("unknown field") {
                return format!("has an unknown member {place}");
            }
            match text.split('`').nth(1).filter(|_| text.starts_with("duplicate field")) {
                Some(field) => format!("the field {field} occurs twice, {place}"),
                None => "it is another kind of value".to_owned(),
            }
        }
        Category::Eof if error.column() == 0 => "it is empty".to_owned(),
        Category::Eof => "it ends too early".to_owned(),
        Category::Syntax | Category::Io => format!("syntax error {place}"),
    };
    format!("must be a JSON object: {reason}")
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;

    use super::*;
    use crate::task::NewTaskInput;

    fn request(content_type: Option<&str>, body: &[u8]) -> Request {
        let mut request = Request::new(Body::Binary(body.to_vec()));
        if let Some(value) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, value.parse().unwrap());
        }
        request
    }

    fn read(content_type: Option<&str>, text: &[u8]) -> Result<NewTaskInput, Problem> {
        body(&request(content_type, text))
    }

    fn detail(text: &[u8]) -> String {
        let problem = read(None, text).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        problem.detail().to_owned()
    }

    #[test]
    fn gzip_is_accepted_with_a_weight_above_zero() {
        for taken in ["gzip", "GZIP", "br, gzip", "gzip;q=0.5", "deflate , gzip ; q=1.0"] {
            assert!(has_gzip(taken), "{taken}");
        }
        for refused in ["", "br", "gzip;q=0", "gzip;Q=0", "gzip; q=0.000", "xgzip", "identity"] {
            assert!(!has_gzip(refused), "{refused}");
        }
    }

    #[test]
    fn a_content_type_other_than_json_is_rejected() {
        for json in [
            None,
            Some("application/json"),
            Some("Application/JSON; charset=utf-8"),
            Some("application/merge-patch+json"),
        ] {
            assert!(read(json, b"{}").is_ok(), "{json:?}");
        }
        for other in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"] {
            let problem = read(Some(other), b"{}").unwrap_err();
            assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{other}");
        }
    }

    #[test]
    fn the_error_says_why_a_body_is_not_an_object() {
        assert_eq!(detail(b""), "The body must be a JSON object: it is empty");
        assert_eq!(detail(b"{\"title\""), "The body must be a JSON object: it ends too early");
        assert_eq!(
            detail(b"{\"title\": nope}"),
            "The body must be a JSON object: syntax error at line 1 column 12"
        );
        for other in ["[1]", "null", "\"my diary\"", "5"] {
            let told = detail(other.as_bytes());
            assert_eq!(told, "The body must be a JSON object: it is another kind of value");
        }
        let told = detail(b"{\"title\":\"a\",\"title\":\"b\"}");
        assert!(told.contains("the field title occurs twice, at line 1"), "{told}");
        assert!(detail(b"{\"title\":\"\xff\"}").contains("syntax error"));
        assert!(detail(br#"{"title":"\ud800"}"#).contains("syntax error"));
        assert!(detail("[".repeat(20_000).as_bytes()).contains("must be a JSON object"));
        let nested = format!("{{\"title\":{}", "[".repeat(20_000));
        assert!(detail(nested.as_bytes()).contains("must be a JSON object"));
    }

    #[test]
    fn a_body_that_is_too_large_is_rejected() {
        let problem = read(None, &[b' '; MAX_BODY_BYTES + 1]).unwrap_err();
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn an_optional_body_may_be_empty() {
        let empty = Request::new(Body::Empty);
        assert!(optional_body::<NewTaskInput>(&empty).is_ok());
        assert!(body::<NewTaskInput>(&empty).is_err());
    }
}
