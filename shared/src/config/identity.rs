//! Which tokens a function accepts.

use lambda_http::http::Uri;

use super::{ConfigError, ENDPOINT, Secret, invalid, non_empty};

/// The HS256 secret of a developer's machine. It is published, so a deployed
/// function refuses it: only a function whose `AWS_ENDPOINT_URL_DYNAMODB` is
/// set, which local work needs and a deployment never has, accepts it.
pub const DEVELOPMENT_SECRET: &str = "tasks-api-development-secret-0123456789";

/// The shortest secret that HS256 may be used with, in bytes: as long as its
/// hash (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// Secrets that Better Auth falls back to where none is configured. Anybody
/// can sign with them.
pub(super) const KNOWN_SECRETS: [&str; 2] =
    ["better-auth-secret-123456789", "better-auth-secret-12345678901234567890"];

/// Which tokens are accepted. At least one of secret and key set is there.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `BETTER_AUTH_SECRET`: the secret that the issuer signs with (HS256).
    pub secret: Option<Secret>,
    /// `JWKS_URL`: where the issuer publishes the keys that it signs with.
    pub key_set: Option<KeySetUrl>,
    /// `JWT_ISSUER`: the `iss` that a token must carry, if set.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: what `aud` must be or contain; `None` if it is not set
    /// or `none`.
    pub audience: Option<String>,
    /// `JWT_CLIENT_ID`: what `client_id` or `azp` must be, if set.
    pub client_id: Option<String>,
}

/// The names that a host has on itself, as in a URL.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The URL of a key set: HTTPS, or plain HTTP on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetUrl(Uri);

impl KeySetUrl {
    /// Reads a URL; `None` if it is none, or not a safe place for keys.
    #[must_use]
    pub fn parse(text: &str) -> Option<KeySetUrl> {
        let url: Uri = text.parse().ok()?;
        let host = url.host()?;
        let is_safe = match url.scheme_str()? {
            "https" => true,
            "http" => LOOPBACK.contains(&host),
            _ => false,
        };
        is_safe.then_some(KeySetUrl(url))
    }

    /// The URL itself.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl Identity {
    /// Reads the settings of identity with `lookup`, which returns the value of a variable.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first variable that is missing or invalid.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Identity, ConfigError> {
        let variable = non_empty(&lookup);
        let is_local = variable(ENDPOINT).is_some();
        let secret = variable("BETTER_AUTH_SECRET");
        let key_set = variable("JWKS_URL");
        let (issuer, audience) = (variable("JWT_ISSUER"), variable("JWT_AUDIENCE"));
        let client_id = variable("JWT_CLIENT_ID");
        if secret.is_none() && key_set.is_none() {
            return Err(invalid("BETTER_AUTH_SECRET", "is not set, and neither is JWKS_URL"));
        }
        // Whoever publishes keys signs for many: without these, a token that
        // was meant for somebody else would do.
        if key_set.is_some() && issuer.is_none() {
            return Err(invalid("JWT_ISSUER", "is not set, but JWKS_URL is"));
        }
        if key_set.is_some() && audience.is_none() {
            return Err(invalid(
                "JWT_AUDIENCE",
                "is not set, but JWKS_URL is (none, if the issuer's tokens carry no aud)",
            ));
        }
        let url = |text: String| {
            KeySetUrl::parse(&text).ok_or(invalid("JWKS_URL", "is not an https:// URL"))
        };
        Ok(Identity {
            secret: secret.map(|secret| checked_secret(secret, is_local)).transpose()?,
            key_set: key_set.map(url).transpose()?,
            issuer,
            audience: audience.filter(|audience| audience != "none"),
            client_id,
        })
    }
}

fn checked_secret(secret: String, local: bool) -> Result<Secret, ConfigError> {
    let refused = |reason| Err(invalid("BETTER_AUTH_SECRET", reason));
    if KNOWN_SECRETS.contains(&secret.as_str()) {
        return refused("is a well-known default secret");
    }
    if secret == DEVELOPMENT_SECRET && !local {
        return refused("is the published development secret, which is for local work only");
    }
    if secret.len() < MIN_SECRET_BYTES {
        return refused("is shorter than 32 bytes");
    }
    Ok(Secret(secret))
}
