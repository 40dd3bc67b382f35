//! Headers that repeat what the body says, for what stands between client and server. One that
//! says something else could pass a check there that the body would not.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use shared::http::Request;

use super::error::RpcError;

pub(super) const VERSION: &str = "MCP-Protocol-Version";
const METHOD: &str = "Mcp-Method";
const NAME: &str = "Mcp-Name";

/// Returns the value of a header, if it is there and text.
pub(super) fn get<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let value = request.headers().get(name)?.to_str().ok()?;
    Some(value.trim_matches([' ', '\t']))
}

/// Checks the headers of a request; `name` is that of the tool it calls. Only those of the current
/// revision must have them.
pub(super) fn check(
    request: &Request,
    method: &str,
    name: Option<&str>,
    is_current: bool,
) -> Result<(), RpcError> {
    if is_current && get(request, VERSION).is_none() {
        return Err(RpcError::mismatch(VERSION));
    }
    let is_missing = |header| !request.headers().contains_key(header);
    let may_be_missing = |header| !is_current && is_missing(header);
    if get(request, METHOD) != Some(method) && !may_be_missing(METHOD) {
        return Err(RpcError::mismatch(METHOD));
    }
    let Some(name) = name else { return Ok(()) };
    match get(request, NAME).and_then(decoded) {
        Some(named) if named == name => Ok(()),
        None if may_be_missing(NAME) => Ok(()),
        _ => Err(RpcError::mismatch(NAME)),
    }
}

/// Decodes a value. What a header cannot contain is in base64, between `=?base64?` and `?=`.
fn decoded(value: &str) -> Option<String> {
    let Some(encoded) = value.strip_prefix("=?base64?") else { return Some(value.to_owned()) };
    let bytes = BASE64_STANDARD.decode(encoded.strip_suffix("?=")?).ok()?;
    String::from_utf8(bytes).ok()
}
