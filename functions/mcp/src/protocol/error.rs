//! Errors of the protocol. What a tool cannot do is no such error, but a result, which the model
//! reads.

use serde::Serialize;
use serde_json::value::RawValue;
use shared::http::{self, Response, StatusCode};

use super::{CURRENT, OLDER};

/// Why a message is not answered.
#[derive(Debug)]
pub(crate) struct RpcError {
    status: StatusCode,
    code: i32,
    message: String,
    unsupported: Option<String>,
    id: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Body {
    jsonrpc: &'static str,
    id: Option<Box<RawValue>>,
    error: Inner,
}

#[derive(Serialize)]
struct Inner {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Versions>,
}

#[derive(Serialize)]
struct Versions {
    supported: [&'static str; 3],
    requested: String,
}

impl RpcError {
    fn new(status: StatusCode, code: i32, message: impl Into<String>) -> RpcError {
        RpcError { status, code, message: message.into(), unsupported: None, id: None }
    }

    /// The body is not JSON.
    pub(super) fn not_json() -> RpcError {
        RpcError::new(StatusCode::BAD_REQUEST, -32700, "The body is not JSON")
    }

    /// The body is no message.
    pub(super) fn no_message(why: &str) -> RpcError {
        RpcError::new(StatusCode::BAD_REQUEST, -32600, why)
    }

    /// There is no such method. Older clients expect every answer to a request with 200.
    pub(super) fn unknown_method(is_current: bool) -> RpcError {
        let status = if is_current { StatusCode::NOT_FOUND } else { StatusCode::OK };
        RpcError::new(status, -32601, "There is no such method")
    }

    /// The parameters are wrong.
    pub(super) fn invalid_params(why: &str) -> RpcError {
        RpcError::new(StatusCode::OK, -32602, why)
    }

    /// `_meta` is wrong, which every request of the current revision has.
    pub(super) fn invalid_meta(why: &str) -> RpcError {
        RpcError::new(StatusCode::BAD_REQUEST, -32602, why)
    }

    /// A header does not say the same as the body.
    pub(super) fn mismatch(header: &str) -> RpcError {
        let why = format!("The header {header} must say the same as the body");
        RpcError::new(StatusCode::BAD_REQUEST, -32020, why)
    }

    /// The revision is not supported.
    pub(super) fn unsupported(requested: &str) -> RpcError {
        let why = "This protocol version is not supported";
        let error = RpcError::new(StatusCode::BAD_REQUEST, -32022, why);
        // As long as the name of a revision.
        let requested = requested.chars().take(CURRENT.len()).collect();
        RpcError { unsupported: Some(requested), ..error }
    }

    /// Adds the id of the request that it is the answer to.
    pub(super) fn with_id(self, id: &RawValue) -> RpcError {
        RpcError { id: Some(id.to_owned()), ..self }
    }

    /// Returns the reply.
    pub(crate) fn into_response(self) -> Response {
        let RpcError { status, code, message, unsupported, id } = self;
        let data = unsupported.map(|requested| {
            let [latest, oldest] = OLDER;
            Versions { supported: [CURRENT, latest, oldest], requested }
        });
        http::status_json(
            status,
            &Body { jsonrpc: "2.0", id, error: Inner { code, message, data } },
        )
    }
}
