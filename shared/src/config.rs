//! The settings of a function: environment variables, read once per cold
//! start. An empty variable is an unset one.

use std::fmt;

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
pub const VARIABLES: [&str; 6] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "BETTER_AUTH_SECRET",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "RUST_LOG",
    "TASKS_TABLE",
];

/// The settings of a function that serves users.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TASKS_TABLE`: the name of the table of tasks.
    pub tasks_table: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: where DynamoDB is, if not at AWS. For
    /// local work only.
    pub dynamodb_endpoint: Option<String>,
    /// Whose tokens are accepted.
    pub identity: Identity,
}

/// Which tokens are accepted.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `BETTER_AUTH_SECRET`: the secret that the issuer signs with (HS256).
    pub secret: Secret,
    /// `JWT_ISSUER`: the `iss` that a token must carry, if set.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: what `aud` must be or contain, if set.
    pub audience: Option<String>,
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

impl Config {
    /// Reads the settings from the process's environment.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first variable that is missing or will
    /// not do.
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the settings with `lookup`, which gives the value of a variable.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let variable = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let dynamodb_endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB");
        let secret = variable("BETTER_AUTH_SECRET")
            .ok_or(ConfigError { variable: "BETTER_AUTH_SECRET", reason: "is not set" })?;
        Ok(Config {
            tasks_table: variable("TASKS_TABLE")
                .ok_or(ConfigError { variable: "TASKS_TABLE", reason: "is not set" })?,
            identity: Identity {
                secret: checked_secret(secret, dynamodb_endpoint.is_some())?,
                issuer: variable("JWT_ISSUER"),
                audience: variable("JWT_AUDIENCE"),
            },
            dynamodb_endpoint,
        })
    }
}

fn checked_secret(secret: String, local: bool) -> Result<Secret, ConfigError> {
    let refused = |reason| Err(ConfigError { variable: "BETTER_AUTH_SECRET", reason });
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

    const GOOD: [(&str, &str); 2] =
        [("TASKS_TABLE", "tasks"), ("BETTER_AUTH_SECRET", "0123456789abcdef0123456789abcdef")];

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
            "environment variable BETTER_AUTH_SECRET is not set"
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

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("0123456789abcdef"));
    }
}
