//! The DynamoDB client: one connector, and timeouts that end before the
//! function's own.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    AppName, BehaviorVersion, Builder, Credentials, Region, SharedHttpClient,
};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_types::byte_stream::ByteStream;

use crate::config::{Config, ConfigError, variable};
use crate::tls::{self, Connector, Trust};

/// To open a connection. Within a region it takes a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// For one attempt. A connection that died while the function was frozen may
/// show up as this. `attempts.rs` has the time for all attempts together.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How many connections wait for the next request: a function sends one after the
/// other.
const IDLE_CONNECTIONS: usize = 1;

/// The SDK's variables for other hosts of the same service.
const USE_FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const USE_DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// A client of DynamoDB and what it connects with.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    connector: SharedHttpConnector,
    /// Where DynamoDB is, if by TLS.
    url: Option<String>,
}

/// Prepares a connection to DynamoDB with the region and the credentials that
/// the environment holds, as Lambda sets them. Nothing is sent yet.
///
/// # Errors
///
/// If the environment lacks one of them; the message names the variable.
pub(crate) async fn connect(config: &Config) -> Result<Connection, ConfigError> {
    let builder = from_environment();
    #[cfg(feature = "default-chain")]
    let builder = match builder {
        Ok(builder) => Ok(builder),
        Err(_) => from_default_chain().await,
    };
    let (mut builder, region) = builder?;
    builder.set_endpoint_url(config.dynamodb_endpoint.clone());
    let url = match (&config.dynamodb_endpoint, region) {
        (Some(url), _) => Some(url.clone()),
        (None, Some(region)) => endpoint_at_aws(&region).await,
        (None, None) => None,
    };
    let trust = url.as_deref().map_or(Trust::System, Trust::about);
    let connector = Connector::new(trust, CONNECT_TIMEOUT, IDLE_CONNECTIONS);
    let connector = SharedHttpConnector::new(connector);
    let builder = builder
        .http_client(tls::client_of(connector.clone()))
        .timeout_config(TimeoutConfig::builder().operation_timeout(ATTEMPT_TIMEOUT).build())
        // What is sent again is decided in `attempts.rs`.
        .retry_config(RetryConfig::disabled());
    let client = Client::from_conf(builder.build());
    let url = url.filter(|url| url.starts_with("https://"));
    Ok(Connection { client, connector, url })
}

/// What Lambda tells. `aws-config` would find the same in the same place, but
/// only after it has prepared for all others.
fn from_environment() -> Result<(Builder, Option<Region>), ConfigError> {
    let required =
        |name| variable(name).ok_or(ConfigError { variable: name, reason: "is not set" });
    let credentials = Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let region = Region::new(required("AWS_REGION")?);
    let mut builder = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .credentials_provider(credentials);
    builder.set_app_name(variable("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    builder.set_use_fips(flag(USE_FIPS)).set_use_dual_stack(flag(USE_DUAL_STACK));
    Ok((builder, Some(region)))
}

/// What is found on a developer's machine: profiles, single sign-on and so on.
#[cfg(feature = "default-chain")]
async fn from_default_chain() -> Result<(Builder, Option<Region>), ConfigError> {
    let shared = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
    let shared = shared.load().await;
    Ok((Builder::from(&shared), shared.region().cloned()))
}

/// Whether a variable of the SDK says yes; `None` if it is not set.
fn flag(name: &str) -> Option<bool> {
    variable(name).map(|value| value.eq_ignore_ascii_case("true"))
}

/// Where requests will go, as the SDK resolves it.
async fn endpoint_at_aws(region: &Region) -> Option<String> {
    let params = Params::builder()
        .region(region.as_ref())
        .use_fips(flag(USE_FIPS).unwrap_or_default())
        .use_dual_stack(flag(USE_DUAL_STACK).unwrap_or_default())
        .build();
    let endpoint = DefaultResolver::new().resolve_endpoint(&params.ok()?).await.ok()?;
    Some(endpoint.url().to_owned())
}

impl Connection {
    /// Opens the connection that the first request will use: Lambda gives a
    /// function a whole processor while it starts, and a small part of one
    /// afterwards. DynamoDB answers a request for nothing without credentials. If
    /// it does not answer, the first request will find out.
    pub(crate) async fn warm_up(&self) {
        let Some(url) = &self.url else { return };
        let answer = async {
            let request = HttpRequest::get(url.as_str()).ok()?;
            let response = self.connector.call(request).await.ok()?;
            // A connection is free again when its answer has been read.
            ByteStream::new(response.into_body()).collect().await.ok()
        };
        if !matches!(tokio::time::timeout(CONNECT_TIMEOUT, answer).await, Ok(Some(_))) {
            tracing::warn!("DynamoDB does not answer yet");
        }
    }
}

/// HTTP with TLS for a client elsewhere than in a function.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    let connector = Connector::new(Trust::System, CONNECT_TIMEOUT, usize::MAX);
    tls::client_of(SharedHttpConnector::new(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_connection_is_opened_to_the_host_that_the_sdk_asks() {
        for (region, url) in [
            ("eu-central-1", "https://dynamodb.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "https://dynamodb.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn"),
        ] {
            let region = Region::from_static(region);
            assert_eq!(endpoint_at_aws(&region).await.as_deref(), Some(url));
        }
    }
}
