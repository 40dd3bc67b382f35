//! What a function logs.

use super::{Secret, environment, non_empty};

/// The settings of the log, of functions with and without users. None of them can be
/// invalid, so that a function can log what is wrong with the others.
#[derive(Clone, Debug)]
pub struct Logging {
    /// `RUST_LOG`: which lines to write, as `tracing` reads it. Overrides the level.
    pub filter: Option<String>,
    /// `AWS_LAMBDA_LOG_LEVEL`: the level that Lambda's log controls set.
    pub level: Option<String>,
    /// `AWS_LAMBDA_LOG_FORMAT`: whether lines are text instead of JSON.
    pub is_text: bool,
    /// `METRICS_NAMESPACE`: where CloudWatch puts the metrics; without it, lines hold none.
    pub metrics_namespace: Option<String>,
    /// `USER_HASH_KEY`: the key of the hashes of users; without it, lines name no user.
    pub user_hash_key: Option<Secret>,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the name of the function in AWS.
    pub function_name: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_VERSION`: the version of the function.
    pub version: Option<String>,
}

impl Logging {
    /// Reads the settings from the environment of the process.
    #[must_use]
    pub fn from_env() -> Logging {
        Logging::from_lookup(environment)
    }

    /// Reads the settings with `lookup`, which returns the value of a variable.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Logging {
        let variable = non_empty(&lookup);
        Logging {
            filter: variable("RUST_LOG"),
            level: variable("AWS_LAMBDA_LOG_LEVEL"),
            is_text: variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format == "Text"),
            metrics_namespace: variable("METRICS_NAMESPACE"),
            user_hash_key: variable("USER_HASH_KEY").map(Secret),
            function_name: variable("AWS_LAMBDA_FUNCTION_NAME"),
            version: variable("AWS_LAMBDA_FUNCTION_VERSION"),
        }
    }
}
