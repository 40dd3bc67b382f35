//! Where tokens come from (RFC 9728): clients that are asked for a token look here.

use serde::Serialize;
use shared::auth::{AuthError, READ_SCOPE, WRITE_SCOPE};
use shared::config::Mcp;
use shared::http::{self, Problem, Request, Response, header};

use crate::origin::is_loopback;

/// The path of the metadata. Clients put the path of the resource behind it (RFC 9728 section
/// 3.1), or leave it out.
const PATH: &str = "/.well-known/oauth-protected-resource";

#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    authorization_servers: [&'a str; 1],
    /// The scopes that tokens must have, if they must.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_supported: Option<[&'static str; 2]>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
}

/// Whether a request asks for the metadata.
pub(crate) fn is_asked_for(request: &Request) -> bool {
    http::path(request).starts_with(PATH)
}

/// Returns the metadata.
///
/// # Errors
///
/// 404 if no issuer is configured that can be found.
pub(crate) fn reply(settings: &Mcp, request: &Request) -> Result<Response, Problem> {
    let (Some(issuer), Some(resource)) = (issuer(settings), resource(settings, request)) else {
        return Err(Problem::not_found());
    };
    Ok(http::ok_json(&Metadata {
        resource: &resource,
        authorization_servers: [issuer],
        scopes_supported: settings.needs_scopes().then_some([READ_SCOPE, WRITE_SCOPE]),
        bearer_methods_supported: ["header"],
        resource_name: "Tasks",
    }))
}

/// Returns the reply to a request whose token is missing or rejected. It says where the metadata
/// is.
pub(crate) fn challenge(settings: &Mcp, request: &Request, error: AuthError) -> Problem {
    let problem = Problem::from(error);
    let resource = issuer(settings).and_then(|_| resource(settings, request));
    match resource.and_then(|resource| metadata_url(&resource)) {
        Some(url) => problem.with_challenge("resource_metadata", &url),
        None => problem,
    }
}

/// Returns the issuer, if its name is a URL, at which its own metadata is.
fn issuer(settings: &Mcp) -> Option<&str> {
    let is_url = |issuer: &&str| issuer.starts_with("https://") || issuer.starts_with("http://");
    settings.issuer.as_deref().filter(is_url)
}

/// Returns the URL of the MCP server, as its clients know it.
fn resource(settings: &Mcp, request: &Request) -> Option<String> {
    if let Some(resource) = &settings.resource {
        return Some(resource.clone());
    }
    let host = host(request)?;
    let scheme = if is_loopback(host) { "http" } else { "https" };
    Some(format!("{scheme}://{host}/mcp"))
}

/// Returns the URL of the metadata of `resource`: the well-known path goes between host and path.
fn metadata_url(resource: &str) -> Option<String> {
    let (scheme, rest) = resource.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some(format!("{scheme}://{host}{PATH}{path}"))
}

/// Returns the host that a request names, with its port, if it is one.
pub(crate) fn host(request: &Request) -> Option<&str> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use shared::http::Body;

    use super::*;

    fn request(host: &str) -> Request {
        let mut request = Request::new(Body::Empty);
        request.headers_mut().insert("host", host.parse().unwrap());
        request
    }

    #[test]
    fn the_resource_is_the_host_of_the_request_unless_it_is_set() {
        let of = |settings: &Mcp, host| resource(settings, &request(host));
        let unset = Mcp::default();
        assert_eq!(of(&unset, "api.example.com").unwrap(), "https://api.example.com/mcp");
        assert_eq!(of(&unset, "127.0.0.1:8000").unwrap(), "http://127.0.0.1:8000/mcp");
        assert_eq!((of(&unset, "a\"b"), of(&unset, "")), (None, None));
        let set = Mcp { resource: Some("https://example.com/mcp".into()), ..Mcp::default() };
        assert_eq!(of(&set, "other.example").unwrap(), "https://example.com/mcp");
    }

    #[test]
    fn the_well_known_path_goes_between_host_and_path() {
        assert_eq!(
            metadata_url("https://example.com/v1/mcp").unwrap(),
            "https://example.com/.well-known/oauth-protected-resource/v1/mcp"
        );
        assert_eq!(
            metadata_url("https://example.com").unwrap(),
            "https://example.com/.well-known/oauth-protected-resource"
        );
    }
}
