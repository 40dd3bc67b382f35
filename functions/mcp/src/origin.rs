//! Which pages may send requests. Programs send no `Origin`.
//!
//! A page of another site could reach a server on the user's own machine through a name of its
//! own that leads there (DNS rebinding), so the protocol has every server check.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#security-warning>

use shared::config::{LOOPBACK, Mcp};
use shared::http::{Problem, Request, StatusCode, header};

use crate::metadata::host;

/// Refuses requests from pages that are not allowed.
///
/// # Errors
///
/// 403.
pub(crate) fn check(settings: &Mcp, request: &Request) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    // No origin is empty, so none that is no text is allowed.
    let origin = origin.to_str().unwrap_or_default();
    let is_allowed = settings.allowed_origins.iter().any(|allowed| allowed == origin);
    // On the developer's machine, pages of any port.
    let is_local = || host(request).is_some_and(is_loopback) && is_loopback_origin(origin);
    match is_allowed || is_local() {
        true => Ok(()),
        false => Err(Problem::new(StatusCode::FORBIDDEN, "The Origin is not allowed")),
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(is_loopback)
}

/// Whether an authority, `host` or `host:port`, is this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let has_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    LOOPBACK.into_iter().any(|name| {
        let rest = authority.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(has_port))
    })
}

#[cfg(test)]
mod tests {
    use shared::http::Body;

    use super::*;

    fn is_allowed(host: &str, origin: &str) -> bool {
        let settings =
            Mcp { allowed_origins: vec!["https://app.example.com".to_owned()], ..Mcp::default() };
        let mut request = Request::new(Body::Empty);
        request.headers_mut().insert("host", host.parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        check(&settings, &request).is_ok()
    }

    #[test]
    fn only_pages_of_allowed_origins_and_of_the_same_machine_may_send_requests() {
        assert!(is_allowed("api.example.com", "https://app.example.com"));
        assert!(is_allowed("127.0.0.1:8000", "http://localhost:6274"));
        assert!(is_allowed("[::1]:8000", "http://127.0.0.1"));
        for (host, origin) in [
            ("api.example.com", "https://api.example.com"),
            ("api.example.com", "http://localhost:3000"),
            ("evil.example", "http://evil.example"),
            ("127.0.0.1:8000", "http://evil.example"),
            ("127.0.0.1:8000", "http://localhost.evil.example"),
            ("127.0.0.1:8000", "http://localhost:80.evil.example"),
            ("127.0.0.1:8000", "null"),
            ("127.0.0.1.evil.example", "http://localhost"),
        ] {
            assert!(!is_allowed(host, origin), "{host} {origin}");
        }
        assert!(check(&Mcp::default(), &Request::new(Body::Empty)).is_ok());
    }
}
