//! What Lambda tells the AWS SDK. `aws-config` would read the same variables, but only
//! after it has prepared for every other source.

use super::{ConfigError, Secret, environment, invalid, non_empty};

/// The region and the credentials of a function, and the SDK's variables for other hosts
/// of the same service.
#[derive(Clone, Debug)]
pub struct Aws {
    /// `AWS_REGION`
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<Secret>,
    /// `AWS_SDK_UA_APP_ID`: what the SDK adds to its user agent.
    pub app_name: Option<String>,
    /// `AWS_USE_FIPS_ENDPOINT`
    pub use_fips: bool,
    /// `AWS_USE_DUALSTACK_ENDPOINT`
    pub use_dual_stack: bool,
}

impl Aws {
    /// Reads the settings with `lookup`, which returns the value of a variable.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first variable that is missing.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Aws, ConfigError> {
        let variable = non_empty(&lookup);
        let required = |name| variable(name).ok_or(invalid(name, "is not set"));
        let is_true = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Aws {
            region: required("AWS_REGION")?,
            access_key_id: required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: required("AWS_SECRET_ACCESS_KEY").map(Secret)?,
            session_token: variable("AWS_SESSION_TOKEN").map(Secret),
            app_name: variable("AWS_SDK_UA_APP_ID"),
            use_fips: is_true("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack: is_true("AWS_USE_DUALSTACK_ENDPOINT"),
        })
    }
}

/// Whether `SSL_CERT_FILE` or `SSL_CERT_DIR` names root certificates to trust.
#[must_use]
pub fn has_certificates() -> bool {
    let variable = non_empty(&environment);
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| variable(name).is_some())
}
