//! The settings of a function: environment variables, read once per cold start. No other
//! module reads one. An empty variable counts as unset.

mod aws;
mod identity;
mod logging;

use std::fmt;

pub use aws::{Aws, has_certificates};
pub use identity::{DEVELOPMENT_SECRET, Identity, KeySetUrl, LOOPBACK, MIN_SECRET_BYTES};
pub use logging::Logging;

/// Where DynamoDB is, if not at AWS. A deployment never sets it.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// The settings of a function that serves users.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TASKS_TABLE`: the name of the table of tasks.
    pub tasks_table: String,
    /// `IDEMPOTENCY_TABLE`: the name of the table of idempotency keys.
    pub idempotency_table: String,
    /// `TRASH`: whether deleted tasks go to the trash. `off` deletes them for good, and is
    /// for the deployment of this version over one that does not know the trash.
    pub has_trash: bool,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: where DynamoDB is, if not at AWS. For
    /// local work only.
    pub dynamodb_endpoint: Option<String>,
    /// The region and the credentials, or an error for the missing variable. (With the
    /// feature `default-chain`, the SDK then looks for them elsewhere.)
    pub aws: Result<Aws, ConfigError>,
    /// Whose tokens are accepted.
    pub identity: Identity,
}

/// A value that never shows up in a log.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret itself, to compute a signature.
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

/// A variable that is missing or invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Config {
    /// Reads the settings from the environment of the process.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first variable that is missing or invalid.
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::from_lookup(environment)
    }

    /// Reads the settings with `lookup`, which returns the value of a variable.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let variable = non_empty(&lookup);
        Ok(Config {
            tasks_table: variable("TASKS_TABLE").ok_or(invalid("TASKS_TABLE", "is not set"))?,
            idempotency_table: variable("IDEMPOTENCY_TABLE")
                .ok_or(invalid("IDEMPOTENCY_TABLE", "is not set"))?,
            has_trash: has_trash(&lookup)?,
            dynamodb_endpoint: variable(ENDPOINT),
            aws: Aws::from_lookup(&lookup),
            identity: Identity::from_lookup(&lookup)?,
        })
    }
}

/// Returns [`Config::has_trash`], for tools that need nothing else of it.
///
/// # Errors
///
/// A [`ConfigError`] if the variable is invalid.
pub fn has_trash(lookup: impl Fn(&str) -> Option<String>) -> Result<bool, ConfigError> {
    match non_empty(&lookup)("TRASH").as_deref() {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(_) => Err(invalid("TRASH", "must be on or off")),
    }
}

/// Returns `DOCS_TOKEN`: the token that the docs page starts with. Only the local server
/// sets it.
#[must_use]
pub fn docs_token() -> Option<String> {
    non_empty(&environment)("DOCS_TOKEN")
}

/// The settings that only the function `mcp` has.
#[derive(Clone, Debug, Default)]
pub struct Mcp {
    /// `MCP_RESOURCE`: the URL of the MCP server, as its clients know it. If it is not set, the
    /// host that a request names.
    pub resource: Option<String>,
    /// `ALLOWED_ORIGINS`: the origins, separated by commas, whose pages may send requests.
    pub allowed_origins: Vec<String>,
    /// `JWT_ISSUER`: who issues tokens.
    pub issuer: Option<String>,
}

impl Mcp {
    /// Whether tokens must have a scope for tasks. Those that are issued for the tools must: an
    /// agent gets no more than the person has seen and granted.
    #[must_use]
    pub fn needs_scopes(&self) -> bool {
        self.resource.is_some()
    }

    /// Reads the settings from the environment of the process.
    #[must_use]
    pub fn from_env() -> Mcp {
        Mcp::from_lookup(environment)
    }

    /// Reads the settings with `lookup`, which returns the value of a variable.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Mcp {
        let variable = non_empty(&lookup);
        let origins = variable("ALLOWED_ORIGINS").unwrap_or_default();
        Mcp {
            resource: variable("MCP_RESOURCE"),
            allowed_origins: origins
                .split(',')
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect(),
            issuer: variable("JWT_ISSUER"),
        }
    }
}

/// Returns the value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads them")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Wraps `lookup` so that an empty value counts as unset.
fn non_empty(lookup: &impl Fn(&str) -> Option<String>) -> impl Fn(&str) -> Option<String> {
    |name| lookup(name).filter(|value| !value.is_empty())
}

const fn invalid(variable: &'static str, reason: &'static str) -> ConfigError {
    ConfigError { variable, reason }
}

#[cfg(test)]
mod tests {
    use super::identity::KNOWN_SECRETS;
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
    fn two_tables_and_a_secret_are_enough() {
        let config = read(&[]).unwrap();
        assert_eq!(config.tasks_table, "tasks");
        assert_eq!(config.dynamodb_endpoint, None);
        assert_eq!(config.identity.issuer, None);
        assert!(config.has_trash);
    }

    #[test]
    fn the_trash_is_on_or_off() {
        assert!(!read(&[("TRASH", "off")]).unwrap().has_trash);
        assert_eq!(refusal(&[("TRASH", "no")]), "environment variable TRASH must be on or off");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(read(&[("JWT_ISSUER", "")]).unwrap().identity.issuer, None);
        assert_eq!(refusal(&[("TASKS_TABLE", "")]), "environment variable TASKS_TABLE is not set");
        assert_eq!(
            refusal(&[("BETTER_AUTH_SECRET", "")]),
            "environment variable BETTER_AUTH_SECRET is not set, and neither is JWKS_URL"
        );
    }

    #[test]
    fn a_weak_or_published_secret_is_rejected() {
        assert_eq!(
            refusal(&[("BETTER_AUTH_SECRET", "0123456789abcdef0123456789abcde")]),
            "environment variable BETTER_AUTH_SECRET is shorter than 32 bytes"
        );
        for known in KNOWN_SECRETS {
            assert!(refusal(&[("BETTER_AUTH_SECRET", known)]).contains("well-known"));
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

    /// Returns the key set settings with one of them changed.
    fn key_set_with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        let others = KEY_SET.into_iter().filter(|(other, _)| *other != name);
        others.chain([(name, value)]).collect()
    }

    #[test]
    fn a_key_set_works_with_or_without_a_secret() {
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
    fn the_key_set_url_is_https_or_local() {
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
            assert_eq!(told, "environment variable JWKS_URL is not an https:// URL", "{url}");
        }
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("0123456789abcdef"));
    }
}
