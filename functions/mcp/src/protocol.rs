//! JSON-RPC messages of the Model Context Protocol, of two kinds of clients:
//!
//! - those of revision 2026-07-28 say in each request, in `_meta` and in headers, what they are;
//! - older ones say it once, in `initialize`. Nothing needs to be remembered of it.
//!
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports>

mod error;
mod headers;
mod message;
mod replies;

use shared::http::{Method, Request, Response};

use crate::tools::Tool;
pub(crate) use error::RpcError;
use message::{Envelope, Params};
pub(crate) use replies::{Caller, only_post};

/// The revision without sessions.
const CURRENT: &str = "2026-07-28";

/// Revisions that begin with `initialize`, latest first.
const OLDER: [&str; 2] = ["2025-11-25", "2025-06-18"];

/// A message from a client.
pub(crate) enum Message<'a> {
    /// A call of a tool.
    Tool(Call<'a>),
    /// Anything else, which has this reply.
    Other(Response),
}

/// A call of a tool.
pub(crate) struct Call<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) tool: Tool,
    /// A JSON object.
    pub(crate) arguments: &'a str,
}

/// Whether a request has the only method that the server knows. A `GET` would open a stream of
/// messages from the server. There is none.
pub(crate) fn is_post(request: &Request) -> bool {
    request.method() == Method::POST
}

/// Parses the message in `body`.
///
/// # Errors
///
/// An [`RpcError`] if it is no message, or asks for what there is not.
pub(crate) fn parse<'a>(body: &'a [u8], request: &Request) -> Result<Message<'a>, RpcError> {
    let Envelope { id, method, params } = Envelope::parse(body)?;
    // A notification. None changes anything here.
    let Some(id) = id else { return Ok(Message::Other(replies::accepted())) };
    let named = |error: RpcError| error.with_id(id);
    let params = Params::parse(params).map_err(named)?;
    let is_current = params.is_current(request, &method).map_err(named)?;
    let caller = Caller { id, is_current };
    let reply = match (method.as_ref(), is_current) {
        ("tools/call", _) => {
            let (tool, arguments) = params.tool().map_err(named)?;
            return Ok(Message::Tool(Call { caller, tool, arguments }));
        }
        ("tools/list", _) => {
            params.check_cursor().map_err(named)?;
            caller.reply(&replies::tools(is_current))
        }
        ("server/discover", true) => caller.reply(&replies::discovered()),
        ("initialize", false) => caller.reply(&replies::initialized(params.version())),
        ("ping", false) => caller.reply(&replies::Empty {}),
        _ => return Err(RpcError::unknown_method(is_current).with_id(id)),
    };
    Ok(Message::Other(reply))
}
