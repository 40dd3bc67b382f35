//! The only error that a caller sees (RFC 9457), and what the log gets.

use std::error::Error;

use lambda_http::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::Response;
use super::entity_tag;
use super::response::{json, set, to_json};
use crate::auth::AuthError;
use crate::error_chain::error_chain;
use crate::store::StoreError;
use crate::task::{FieldError, Invalid, Task};

/// Why a request failed.
///
/// The caller and the log get different texts: the cause of a 5xx is only logged.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    /// The task that did not fulfil a precondition.
    current: Option<Box<Task>>,
    challenge: Option<String>,
    refused_token: bool,
    retry_after_seconds: Option<u32>,
    cause: Option<String>,
}

/// The members of RFC 9457 section 3.1, and those of this API.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<&'a Task>,
}

impl Problem {
    /// Returns a problem that `detail` explains to the caller in one sentence.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            current: None,
            challenge: None,
            refused_token: false,
            retry_after_seconds: None,
            cause: None,
        }
    }

    /// 400.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 400 because of one field or parameter.
    pub(super) fn invalid(field: &'static str, detail: &str) -> Problem {
        let error = FieldError { field: field.into(), detail: detail.to_owned() };
        Problem::from(Invalid { errors: vec![error] })
    }

    /// 404 for anything but a task.
    #[must_use]
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "Not found")
    }

    /// 404 for a task.
    #[must_use]
    pub fn task_not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "Task not found")
    }

    /// 500 because of `cause`, which is only logged.
    #[must_use]
    pub fn internal(cause: &dyn Error) -> Problem {
        let detail = "An internal error occurred; it has been logged";
        let mut problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
        problem.cause = Some(error_chain(cause));
        problem
    }

    /// 503 for a request that took too long.
    pub(crate) fn late(is_read: bool) -> Problem {
        let problem = if is_read { Problem::unavailable() } else { Problem::outcome_unknown() };
        Problem { cause: Some("the request took too long".to_owned()), ..problem }
    }

    /// 503 for a request that was not executed.
    fn unavailable() -> Problem {
        let detail = "The service is temporarily unavailable; try again shortly";
        Problem {
            retry_after_seconds: Some(1),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 503 for a write that may or may not have been executed.
    fn outcome_unknown() -> Problem {
        let detail = "It is not known whether the change was made. Safe to repeat: an update, \
                      a delete, a restore, {\"completed\": true} or false instead of a flip, \
                      a create with the same Idempotency-Key or id";
        Problem {
            retry_after_seconds: Some(1),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// Returns the status of the reply.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the sentence for the caller. It never quotes the request, so it may be
    /// logged too.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the type of the problem. Mostly, the status says it all (RFC 9457 section
    /// 4.2.1).
    fn r#type(&self) -> &'static str {
        if self.status == StatusCode::GONE { "resync-required" } else { "about:blank" }
    }

    /// Returns the name of the status.
    pub(crate) fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or_default()
    }

    /// Returns the cause, which is only logged.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Adds a parameter to the challenge of a token that is missing or rejected, such as
    /// `resource_metadata` (RFC 9728 section 5.1). The value must need no escaping.
    #[must_use]
    pub fn with_challenge(mut self, name: &str, value: &str) -> Problem {
        if let Some(challenge) = &mut self.challenge {
            challenge.push_str(&format!(", {name}=\"{value}\""));
        }
        self
    }

    /// Whether the request had a token and it was rejected.
    pub(crate) fn is_refused_token(&self) -> bool {
        self.refused_token
    }

    /// Returns the members of the problem.
    pub(super) fn body<'a>(&'a self, request_id: &'a str) -> Body<'a> {
        Body {
            r#type: self.r#type(),
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            request_id,
            errors: &self.errors,
            current: self.current.as_deref(),
        }
    }

    /// Returns the task that did not fulfil a precondition.
    pub(super) fn current(&self) -> Option<&Task> {
        self.current.as_deref()
    }

    /// Returns the reply. It contains `request_id`, which the caller can refer to.
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let mut response = json(self.status, to_json(&self.body(request_id)));
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, problem_json);
        if let Some(task) = &self.current {
            set(&mut response, ETAG, &entity_tag::of(task));
        }
        if let Some(challenge) = &self.challenge {
            set(&mut response, WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after_seconds {
            set(&mut response, RETRY_AFTER, &seconds.to_string());
        }
        response
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Problem {
        let detail = invalid.to_string();
        Problem { errors: invalid.errors, ..Problem::bad_request(detail) }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Problem {
        if error == AuthError::Unavailable {
            return Problem {
                retry_after_seconds: Some(5),
                cause: Some("JWKS_URL returned no key set".to_owned()),
                ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            };
        }
        // RFC 6750 section 3.1: no error code for a request without credentials.
        let (status, code) = match error {
            AuthError::Missing => (StatusCode::UNAUTHORIZED, None),
            AuthError::NotBearer => (StatusCode::UNAUTHORIZED, Some("invalid_request")),
            AuthError::Scope(_) => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            _ => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
        };
        let mut challenge = "Bearer realm=\"tasks\"".to_owned();
        if let Some(code) = code {
            challenge.push_str(&format!(", error=\"{code}\", error_description=\"{error}\""));
        }
        if let AuthError::Scope(scope) = error {
            challenge.push_str(&format!(", scope=\"{scope}\""));
        }
        Problem {
            challenge: Some(challenge),
            refused_token: status == StatusCode::UNAUTHORIZED && code.is_some(),
            ..Problem::new(status, error.to_string())
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::NotFound | StoreError::Deleted => Problem::task_not_found(),
            StoreError::NotOwned => {
                Problem::new(StatusCode::FORBIDDEN, "Not authorized to access this task")
            }
            // Whoever resolves the conflict needs no other request.
            StoreError::Changed(task) => Problem {
                current: Some(task),
                ..Problem::new(
                    StatusCode::PRECONDITION_FAILED,
                    "The task has changed: its current version does not meet If-Match or \
                     If-None-Match",
                )
            },
            StoreError::InTrash => Problem::new(
                StatusCode::CONFLICT,
                "The task with this id is in the trash: restore it, or delete it for good first",
            ),
            StoreError::BadCursor => Problem::invalid(
                "cursor",
                "must be a cursor that this API returned for the same list",
            ),
            StoreError::BadToken => {
                Problem::invalid("since", "must be a token that this API returned to the same user")
            }
            StoreError::Resync => Problem::new(
                StatusCode::GONE,
                "The changes since this token are not known any more: send your own changes \
                 first, and then start anew, without since",
            ),
            StoreError::KeyReused => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "This Idempotency-Key was already used with another body",
            ),
            StoreError::InFlight => Problem {
                retry_after_seconds: Some(1),
                ..Problem::new(
                    StatusCode::CONFLICT,
                    "A request with this Idempotency-Key is still under way",
                )
            },
            StoreError::NotBegun => Problem {
                cause: Some(error.to_string()),
                ..Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The operation was not executed, because the batch took too long; send the \
                     batch again",
                )
            },
            StoreError::OutcomeUnknown(cause) => {
                Problem { cause: Some(error_chain(&*cause)), ..Problem::outcome_unknown() }
            }
            StoreError::Unavailable(cause) => {
                Problem { cause: Some(error_chain(&*cause)), ..Problem::unavailable() }
            }
            StoreError::Unexpected(cause) => Problem::internal(&*cause),
        }
    }
}
