//! Fetching a key set: one small GET, with a connector of its own.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::byte_stream::ByteStream;
use lambda_http::http::Uri;

use super::jwk::{self, Key};
use crate::config::KeySetUrl;
use crate::deadlines::KEY_SET_FETCH;
use crate::error_chain::error_chain;
use crate::tls::{Connector, Trust};

/// The largest key set that is read.
pub const MAX_KEY_SET_BYTES: usize = 256 * 1024;

/// How many redirects a fetch follows, all within the same origin.
const MAX_REDIRECTS: usize = 2;

pub(super) struct Fetcher {
    url: KeySetUrl,
    connector: Connector,
}

/// A key set with at least one usable key.
pub(super) struct Fetched {
    pub(super) keys: Vec<Arc<Key>>,
    /// How long the issuer says that it is fresh, in seconds.
    pub(super) fresh_seconds: Option<f64>,
}

/// Why a fetch brought no key set.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    Timeout,
    Connection(String),
    Status(u16),
    Redirect,
    TooLarge,
    NoKeySet,
    NoUsableKey,
}

impl Fetcher {
    pub(super) fn new(url: KeySetUrl) -> Fetcher {
        let trust = Trust::about(&url.uri().to_string());
        // Fetches are so far apart that a connection would not survive until the next.
        let connector = Connector::new(trust, KEY_SET_FETCH, 0);
        Fetcher { url, connector }
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let fetched = tokio::time::timeout(KEY_SET_FETCH, self.follow()).await;
        fetched.unwrap_or(Err(FetchError::Timeout))
    }

    async fn follow(&self) -> Result<Fetched, FetchError> {
        let mut url = self.url.uri().clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.get(&url).await?;
            match response.status().as_u16() {
                200 => return read(response).await,
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get("location").unwrap_or_default();
                    url = same_origin(&url, location).ok_or(FetchError::Redirect)?;
                }
                status => return Err(FetchError::Status(status)),
            }
        }
        Err(FetchError::Redirect)
    }

    async fn get(&self, url: &Uri) -> Result<HttpResponse, FetchError> {
        let mut request = HttpRequest::get(url.to_string()).map_err(|error| failed(&error))?;
        request.headers_mut().insert("accept", "application/json");
        self.connector.call(request).await.map_err(|error| failed(&error))
    }
}

fn failed(error: &dyn std::error::Error) -> FetchError {
    FetchError::Connection(error_chain(error))
}

async fn read(response: HttpResponse) -> Result<Fetched, FetchError> {
    let header = |name| response.headers().get(name).unwrap_or_default();
    let age: u32 = header("age").parse().unwrap_or(0);
    let fresh_seconds = max_age(header("cache-control")).map(|max_age| max_age - f64::from(age));
    let mut body = ByteStream::new(response.into_body());
    let mut text = Vec::new();
    while let Some(chunk) = body.next().await {
        text.extend(chunk.map_err(|error| failed(&error))?);
        if text.len() > MAX_KEY_SET_BYTES {
            return Err(FetchError::TooLarge);
        }
    }
    let keys = jwk::parse(&text).ok_or(FetchError::NoKeySet)?;
    // An issuer always has a key. A set without one is a passing mistake, and must
    // not replace a good set.
    if keys.is_empty() { Err(FetchError::NoUsableKey) } else { Ok(Fetched { keys, fresh_seconds }) }
}

/// The target of a redirect, if it has the origin of `url`: keys come only from
/// where the configuration says.
fn same_origin(url: &Uri, location: &str) -> Option<Uri> {
    let target = if location.starts_with('/') && !location.starts_with("//") {
        format!("{}://{}{location}", url.scheme_str()?, url.authority()?)
    } else {
        location.to_owned()
    };
    let target: Uri = target.parse().ok()?;
    (target.scheme() == url.scheme() && target.authority() == url.authority()).then_some(target)
}

/// The seconds that a `Cache-Control` allows (RFC 9111 section 5.2.2).
fn max_age(cache_control: &str) -> Option<f64> {
    let cache_control = cache_control.to_ascii_lowercase();
    let mut directives = cache_control.split(',').map(str::trim);
    if directives.clone().any(|it| it == "no-store" || it == "no-cache") {
        return Some(0.0);
    }
    let seconds = directives.find_map(|it| it.strip_prefix("max-age="))?.trim_matches('"');
    let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large for its type means the same as the largest.
    is_number.then(|| f64::from(seconds.parse::<u32>().unwrap_or(u32::MAX)))
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Timeout => write!(f, "no response within {KEY_SET_FETCH:?}"),
            FetchError::Connection(cause) => write!(f, "the connection failed: {cause}"),
            FetchError::Status(status) => write!(f, "the response has status {status}"),
            FetchError::Redirect => f.write_str("it redirects to another origin, or too often"),
            FetchError::TooLarge => write!(f, "it has more than {MAX_KEY_SET_BYTES} bytes"),
            FetchError::NoKeySet => f.write_str("the response is not a JWKS"),
            FetchError::NoUsableKey => f.write_str("the JWKS has no usable key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_says_how_long_its_keys_are_good() {
        assert_eq!(max_age("public, max-age=3600, must-revalidate"), Some(3600.0));
        assert_eq!(max_age("Max-Age=\"60\""), Some(60.0));
        assert_eq!(max_age("no-cache"), Some(0.0));
        assert_eq!(max_age("max-age=3600, no-store"), Some(0.0));
        assert_eq!(max_age("max-age=99999999999999"), Some(f64::from(u32::MAX)));
        assert_eq!(max_age("public"), None);
        assert_eq!(max_age("max-age=soon, s-maxage=5"), None);
    }

    #[test]
    fn redirects_stay_within_the_origin() {
        let url: Uri = "https://issuer.example/jwks".parse().unwrap();
        for (location, leads) in [
            ("/keys", Some("https://issuer.example/keys")),
            ("https://issuer.example/keys", Some("https://issuer.example/keys")),
            ("http://issuer.example/keys", None),
            ("https://issuer.example:8443/keys", None),
            ("https://evil.example/keys", None),
            ("https://issuer.example@evil.example/keys", None),
            ("//evil.example/keys", None),
            ("", None),
        ] {
            let target = same_origin(&url, location).map(|target| target.to_string());
            assert_eq!(target.as_deref(), leads, "{location}");
        }
    }
}
