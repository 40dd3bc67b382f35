//! Parses messages.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shared::http::Request;

use super::error::RpcError;
use super::{CURRENT, OLDER, headers};
use crate::tools::Tool;

/// The longest id of a message, in Unicode scalar values. The reply repeats it.
const MAX_ID_CHARS: usize = 200;

/// The members of a message (JSON-RPC 2.0 section 4).
pub(super) struct Envelope<'a> {
    /// A string or a number. A notification has none.
    pub(super) id: Option<&'a RawValue>,
    pub(super) method: Cow<'a, str>,
    pub(super) params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// The members of the parameters of any method.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Params<'a> {
    #[serde(borrow, rename = "_meta", deserialize_with = "present")]
    meta: Option<&'a RawValue>,
    /// Of a tool.
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    /// Of a list.
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
    /// Of `initialize`.
    #[serde(borrow)]
    protocol_version: Option<&'a RawValue>,
}

/// What a request of the current revision says about its client.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
}

/// Deserializes a member that is there, even if it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(json.get()).ok()
}

fn is_id(json: &RawValue) -> bool {
    match text(json) {
        Some(text) => text.chars().count() <= MAX_ID_CHARS,
        None => {
            json.get().len() <= MAX_ID_CHARS
                && json.get().starts_with(|c: char| c == '-' || c.is_ascii_digit())
        }
    }
}

fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Envelope<'a>, RpcError> {
        let json: &RawValue = serde_json::from_slice(body).map_err(|_| RpcError::not_json())?;
        if !is_object(json) {
            return Err(RpcError::no_message("The body must be one message: an object"));
        }
        let members: Result<Members<'a>, _> = serde_json::from_str(json.get());
        let Ok(Members { jsonrpc, id, method, params }) = members else {
            return Err(RpcError::no_message("The body must have jsonrpc, method and, once, id"));
        };
        if jsonrpc != "2.0" {
            return Err(RpcError::no_message("jsonrpc must be \"2.0\""));
        }
        if !id.is_none_or(is_id) {
            let rule =
                format!("id must be a number or a string of at most {MAX_ID_CHARS} characters");
            return Err(RpcError::no_message(&rule));
        }
        Ok(Envelope { id, method, params })
    }
}

impl<'a> Meta<'a> {
    fn parse(json: &'a RawValue) -> Result<Meta<'a>, RpcError> {
        let wrong = || RpcError::invalid_meta("_meta must be an object with each member only once");
        let meta = Some(json).filter(|json| is_object(json));
        meta.and_then(|json| serde_json::from_str(json.get()).ok()).ok_or_else(wrong)
    }
}

impl<'a> Params<'a> {
    pub(super) fn parse(json: Option<&'a RawValue>) -> Result<Params<'a>, RpcError> {
        let Some(json) = json else { return Ok(Params::default()) };
        if !is_object(json) {
            return Err(RpcError::no_message("params must be an object"));
        }
        let twice = |_| RpcError::no_message("params must have each member only once");
        serde_json::from_str(json.get()).map_err(twice)
    }

    /// Whether the request is of the current revision. The body decides; the headers must agree.
    pub(super) fn is_current(&self, request: &Request, method: &str) -> Result<bool, RpcError> {
        let named = headers::get(request, headers::VERSION);
        let meta = self.meta.map_or_else(|| Ok(Meta::default()), Meta::parse)?;
        let Some(version) = meta.version else {
            return match named {
                Some(CURRENT) => Err(RpcError::invalid_meta(
                    "_meta must have io.modelcontextprotocol/protocolVersion",
                )),
                Some(version) if !OLDER.contains(&version) => Err(RpcError::unsupported(version)),
                _ => self.check_headers(request, method, false).map(|()| false),
            };
        };
        let (Some(version), true) = (text(version), meta.capabilities.is_some_and(is_object))
        else {
            return Err(RpcError::invalid_meta(
                "_meta must have io.modelcontextprotocol/protocolVersion, a string, and \
                 io.modelcontextprotocol/clientCapabilities, an object",
            ));
        };
        if named.is_some_and(|named| named != version) {
            return Err(RpcError::mismatch(headers::VERSION));
        }
        if version != CURRENT {
            return Err(RpcError::unsupported(&version));
        }
        self.check_headers(request, method, true).map(|()| true)
    }

    fn check_headers(
        &self,
        request: &Request,
        method: &str,
        current: bool,
    ) -> Result<(), RpcError> {
        let name = self.name.filter(|_| method == "tools/call").and_then(text);
        headers::check(request, method, name.as_deref(), current)
    }

    /// Returns the tool that is called, and its arguments.
    pub(super) fn tool(&self) -> Result<(Tool, &'a str), RpcError> {
        let Some(name) = self.name.and_then(text) else {
            return Err(RpcError::invalid_params("name must be a string"));
        };
        let unknown = || RpcError::invalid_params("There is no such tool");
        let tool = Tool::named(&name).ok_or_else(unknown)?;
        match self.arguments {
            None => Ok((tool, "{}")),
            Some(arguments) if is_object(arguments) => Ok((tool, arguments.get())),
            Some(_) => Err(RpcError::invalid_params("arguments must be an object")),
        }
    }

    /// Checks that a list is asked for from its beginning: there is only one page.
    pub(super) fn check_cursor(&self) -> Result<(), RpcError> {
        match self.cursor {
            None => Ok(()),
            Some(_) => Err(RpcError::invalid_params("There is no page with this cursor")),
        }
    }

    /// Returns the revision that an older client asks for.
    pub(super) fn version(&self) -> Option<Cow<'a, str>> {
        self.protocol_version.and_then(text)
    }
}
