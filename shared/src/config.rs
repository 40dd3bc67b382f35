//! The settings of a function: environment variables, read once per cold
//! start. An empty variable is an unset one.

use std::fmt;

use lambda_http::http::Uri;

/// The HS256 secret of a developer's machine. It is published, so a deployed
/// function refuses it: only a function whose `AWS_ENDPOINT_URL_DYNAMODB` is
/// set, which local work needs and a deployment never has, accepts it.
pub const DEVELOPMENT_SECRET: &str = "tasks-api-development-secret-0123456789";

/// The shortest secret that HS256 may be used with, in bytes: as long as its
/// hash (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// Secrets that Better Auth falls back to where none is configured. Anybody
/// can sign with them.
const KNOWN_SECRETS: [&str; 2] =
    ["better-auth-secret-123456789", "better-auth-secret-12345678901234567890"];

/// Every variable that a function reads, for the tests that compare them with
/// the README and the template.
pub const VARIABLES: [&str; 11] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "BETTER_AUTH_SECRET",
    "IDEMPOTENCY_TABLE",
    "JWKS_URL",
    "JWT_AUDIENCE",
    "JWT_CLIENT_ID",
    "JWT_ISSUER",
    "METRICS_NAMESPACE",
    "RUST_LOG",
    "TASKS_TABLE",
    "USER_HASH_KEY",
];

/// The settings of a function that serves users.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TASKS_TABLE`: the name of the table of tasks.
    pub tasks_table: String,
    /// `IDEMPOTENCY_TABLE`: the name of the table of idempotency keys.
    pub idempotency_table: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: where DynamoDB is, if not at AWS. For
    /// local work only.
    pub dynamodb_endpoint: Option<String>,
    /// Whose tokens are accepted.
    pub identity: Identity,
}

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

/// The URL of a key set: HTTPS, or plain HTTP on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetUrl(Uri);

impl KeySetUrl {
    /// Reads a URL; `None` if it is none, or not a safe place for keys.
    #[must_use]
    pub fn parse(text: &str) -> Option<KeySetUrl> {
        let url: Uri = text.parse().ok()?;
        let host = url.host()?;
        let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let is_safe = match url.scheme_str()? {
            "https" => true,
            "http" => is_loopback,
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

/// A value that never shows up in a log.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for computing a signature.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A variable whose value will not do.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The name of the variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment variable {} {}", self.variable, self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// The value of an environment variable; an empty one is not set.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Config {
    /// Reads the settings from the process's environment.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first variable that is missing or will
    /// not do.
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::from_lookup(variable)
    }

    /// Reads the settings with `lookup`, which gives the value of a variable.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let variable = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let dynamodb_endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB");
        Ok(Config {
            tasks_table: variable("TASKS_TABLE").ok_or(error("TASKS_TABLE", "is not set"))?,
            idempotency_table: variable("IDEMPOTENCY_TABLE")
                .ok_or(error("IDEMPOTENCY_TABLE", "is not set"))?,
            identity: Identity::from_variables(&variable, dynamodb_endpoint.is_some())?,
            dynamodb_endpoint,
        })
    }
}

impl Identity {
    fn from_variables(
        variable: &impl Fn(&str) -> Option<String>,
        local: bool,
    ) -> Result<Identity, ConfigError> {
        let secret = variable("BETTER_AUTH_SECRET");
        let key_set = variable("JWKS_URL");
        let (issuer, audience) = (variable("JWT_ISSUER"), variable("JWT_AUDIENCE"));
        let client_id = variable("JWT_CLIENT_ID");
        if secret.is_none() && key_set.is_none() {
            return Err(error("BETTER_AUTH_SECRET", "is not set, and neither is JWKS_URL"));
        }
        // Whoever publishes keys signs for many: without these, a token that
        // was meant for somebody else would do.
        if key_set.is_some() && issuer.is_none() {
            return Err(error("JWT_ISSUER", "is not set, but JWKS_URL is"));
        }
        if key_set.is_some() && audience.is_none() {
            return Err(error(
                "JWT_AUDIENCE",
                "is not set, but JWKS_URL is (none, if the issuer's tokens carry no aud)",
            ));
        }
        let url =
            |text: String| KeySetUrl::parse(&text).ok_or(error("JWKS_URL", "is no https:// URL"));
        Ok(Identity {
            secret: secret.map(|secret| checked_secret(secret, local)).transpose()?,
            key_set: key_set.map(url).transpose()?,
            issuer,
            audience: audience.filter(|audience| audience != "none"),
            client_id,
        })
    }
}

const fn error(variable: &'static str, reason: &'static str) -> ConfigError {
    ConfigError { variable, reason }
}

fn checked_secret(secret: String, local: bool) -> Result<Secret, ConfigError> {
    let refused = |reason| Err(error("BETTER_AUTH_SECRET", reason));
    if KNOWN_SECRETS.contains(&secret.as_str()) {
        return refused("is a default secret that everybody knows");
    }
    if secret == DEVELOPMENT_SECRET && !local {
        return refused("is the published development secret, which is for local work only");
    }
    if secret.len() < MIN_SECRET_BYTES {
        return refused("is shorter than 32 bytes");
    }
    Ok(Secret(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 3] = [
        ("TASKS_TABLE", "tasks"),
        ("IDEMPOTENCY_TABLE", "idempotency"),
        ("BETTER_AUTH_SECRET", "0123456789abcdef0123456789abcdef"),
    ];

    fn read(overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| {
            let all = overrides.iter().chain(&GOOD);
            all.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
        })
    }

    fn refusal(overrides: &[(&str, &str)]) -> String {
        read(overrides).unwrap_err().to_string()
    }

    #[test]
    fn a_table_and_a_secret_are_enough() {
        let config = read(&[]).unwrap();
        assert_eq!(config.tasks_table, "tasks");
        assert_eq!(config.dynamodb_endpoint, None);
        assert_eq!(config.identity.issuer, None);
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        assert_eq!(read(&[("JWT_ISSUER", "")]).unwrap().identity.issuer, None);
        assert_eq!(refusal(&[("TASKS_TABLE", "")]), "environment variable TASKS_TABLE is not set");
        assert_eq!(
            refusal(&[("BETTER_AUTH_SECRET", "")]),
            "environment variable BETTER_AUTH_SECRET is not set, and neither is JWKS_URL"
        );
    }

    #[test]
    fn a_weak_or_published_secret_is_refused_by_name() {
        assert_eq!(
            refusal(&[("BETTER_AUTH_SECRET", "0123456789abcdef0123456789abcde")]),
            "environment variable BETTER_AUTH_SECRET is shorter than 32 bytes"
        );
        for known in KNOWN_SECRETS {
            assert!(refusal(&[("BETTER_AUTH_SECRET", known)]).contains("everybody knows"));
        }
    }

    #[test]
    fn the_development_secret_is_for_local_work_only() {
        let secret = ("BETTER_AUTH_SECRET", DEVELOPMENT_SECRET);
        assert!(refusal(&[secret]).contains("local work only"));
        assert!(read(&[secret, ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8001")]).is_ok());
    }

    const KEY_SET: [(&str, &str); 4] = [
        ("BETTER_AUTH_SECRET", ""),
        ("JWKS_URL", "https://issuer.example/jwks"),
        ("JWT_ISSUER", "https://issuer.example"),
        ("JWT_AUDIENCE", "tasks"),
    ];

    /// The key set settings with one of them changed.
    fn key_set_with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        let others = KEY_SET.into_iter().filter(|(other, _)| *other != name);
        others.chain([(name, value)]).collect()
    }

    #[test]
    fn a_key_set_stands_in_for_a_secret_or_beside_it() {
        assert!(read(&KEY_SET).unwrap().identity.secret.is_none());
        let both = read(&KEY_SET[1..]).unwrap().identity;
        assert!(both.secret.is_some() && both.key_set.is_some());
        let without = key_set_with("JWT_AUDIENCE", "none");
        assert_eq!(read(&without).unwrap().identity.audience, None);
    }

    #[test]
    fn a_key_set_needs_an_issuer_and_an_audience() {
        let told = refusal(&key_set_with("JWT_ISSUER", ""));
        assert_eq!(told, "environment variable JWT_ISSUER is not set, but JWKS_URL is");
        let told = refusal(&key_set_with("JWT_AUDIENCE", ""));
        assert!(told.starts_with("environment variable JWT_AUDIENCE is not set, but JWKS_URL is"));
    }

    #[test]
    fn keys_come_from_a_safe_place() {
        for url in ["http://127.0.0.1:4000/jwks", "http://localhost/jwks", "http://[::1]:1/jwks"] {
            assert!(read(&key_set_with("JWKS_URL", url)).is_ok(), "{url}");
        }
        for url in [
            "http://issuer.example/jwks",
            "http://localhost.evil.example/jwks",
            "http://127.0.0.1.evil.example/jwks",
            "ftp://issuer.example/jwks",
            "file:///etc/jwks",
            "issuer.example/jwks",
            "/jwks",
            "https://",
        ] {
            let told = refusal(&key_set_with("JWKS_URL", url));
            assert_eq!(told, "environment variable JWKS_URL is no https:// URL", "{url}");
        }
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("0123456789abcdef"));
    }
}
