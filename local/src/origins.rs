//! `BETTER_AUTH_URL`: the origins whose pages may call the API from a browser.

use anyhow::{Result, anyhow};
use reqwest::Url;

/// The default: every port of this machine, because development servers pick their own
/// ports. This is safe. Only programs on this machine serve such pages, and they can reach
/// an API on the loopback interface without a browser.
const THIS_MACHINE: &str = "http://localhost:*,http://127.0.0.1:*,http://[::1]:*,\
                            https://localhost:*,https://127.0.0.1:*,https://[::1]:*";

/// Maps the variable's value to the template parameter `BetterAuthUrl`. Ignores white space
/// around an origin, a trailing slash and empty elements.
///
/// # Errors
///
/// If an element is not an origin that a browser can send.
pub(crate) fn parameter(variable: &str) -> Result<String> {
    let elements = variable.split(',').map(str::trim).filter(|element| !element.is_empty());
    let origins = elements.map(origin).collect::<Result<Vec<_>>>()?;
    Ok(if origins.is_empty() { THIS_MACHINE.to_owned() } else { origins.join(",") })
}

/// An origin as browsers send it (Fetch standard, section 3.2). Origins are compared byte by
/// byte.
fn origin(text: &str) -> Result<String> {
    let invalid = |reason: &str| Err(anyhow!("BETTER_AUTH_URL: {text} {reason}"));
    let lower = text.to_ascii_lowercase();
    if !["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme)) {
        return invalid("must begin with http:// or https://");
    }
    if text.contains('*') {
        return invalid("has a wildcard; name each origin");
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return invalid(&format!("is not a URL: {error}")),
    };
    let origin = url.origin().ascii_serialization();
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return invalid(&format!("has a path or a query; write {origin}"));
    }
    if origin != text.strip_suffix('/').unwrap_or(text) {
        return invalid(&format!("is not what browsers send; write {origin}"));
    }
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_no_browser_sends_is_rejected_with_the_reason() {
        for (value, message) in [
            (
                "https://a.example/app",
                "https://a.example/app has a path or a query; write https://a.example",
            ),
            (
                "https://a.example/b/",
                "https://a.example/b/ has a path or a query; write https://a.example",
            ),
            (
                "https://a.example?b",
                "https://a.example?b has a path or a query; write https://a.example",
            ),
            (
                "https://a.example#b",
                "https://a.example#b has a path or a query; write https://a.example",
            ),
            ("a.example", "a.example must begin with http:// or https://"),
            ("localhost:3000", "localhost:3000 must begin with http:// or https://"),
            ("ftp://a.example", "ftp://a.example must begin with http:// or https://"),
            ("null", "null must begin with http:// or https://"),
            ("*", "* must begin with http:// or https://"),
            ("https://*.a.example", "https://*.a.example has a wildcard; name each origin"),
            ("https://*", "https://* has a wildcard; name each origin"),
            ("http://localhost:*", "http://localhost:* has a wildcard; name each origin"),
            ("https://", "https:// is not a URL: empty host"),
            (
                "https://a.example https://b.example",
                "https://a.example https://b.example is not a URL: invalid international domain name",
            ),
            (
                "HTTPS://A.example",
                "HTTPS://A.example is not what browsers send; write https://a.example",
            ),
            (
                "https://a.example:443",
                "https://a.example:443 is not what browsers send; write https://a.example",
            ),
            (
                "https://me@a.example",
                "https://me@a.example is not what browsers send; write https://a.example",
            ),
            (
                "https://bücher.example",
                "https://bücher.example is not what browsers send; \
                 write https://xn--bcher-kva.example",
            ),
        ] {
            let error = parameter(&format!("https://good.example,{value}")).unwrap_err();
            assert_eq!(error.to_string(), format!("BETTER_AUTH_URL: {message}"));
        }
    }

    #[test]
    fn valid_origins_are_kept_unchanged() {
        for value in [
            "http://localhost:3001",
            "http://127.0.0.1:3000,https://app.example.com",
            "http://[::1]:5173",
            "https://xn--bcher-kva.example:8443",
            "http://my_host",
        ] {
            assert_eq!(parameter(value).unwrap(), value);
        }
    }
}
