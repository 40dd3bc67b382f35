//! The DynamoDB client: one connector, and timeouts that expire before the function's
//! own.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{AppName, BehaviorVersion, Builder, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_types::byte_stream::ByteStream;

use super::batch::AT_A_TIME;
use crate::config::{Aws, Config, ConfigError};
use crate::deadlines;
use crate::tls::{self, Connector, Trust};

/// How many idle connections to keep: as many as a function uses at a time. All but batches
/// need one or two.
const IDLE_CONNECTIONS: usize = AT_A_TIME;

/// A DynamoDB client and its connector.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    connector: SharedHttpConnector,
    /// The URL of DynamoDB, if it uses TLS.
    url: Option<String>,
}

/// Prepares a connection to DynamoDB with the region and the credentials that Lambda sets
/// in the environment. Sends nothing yet.
///
/// # Errors
///
/// If the environment lacks one of them; the message names the variable.
pub(crate) async fn connect(config: &Config) -> Result<Connection, ConfigError> {
    let mut builder = match &config.aws {
        Ok(aws) => from_environment(aws),
        #[cfg(not(feature = "default-chain"))]
        Err(error) => return Err(error.clone()),
        #[cfg(feature = "default-chain")]
        Err(_) => from_default_chain().await,
    };
    builder.set_endpoint_url(config.dynamodb_endpoint.clone());
    let url = match (&config.dynamodb_endpoint, &config.aws) {
        (Some(url), _) => Some(url.clone()),
        (None, Ok(aws)) => endpoint_at_aws(aws).await,
        (None, Err(_)) => None,
    };
    let trust = url.as_deref().map_or(Trust::System, Trust::about);
    let connector = Connector::new(trust, deadlines::CONNECT, IDLE_CONNECTIONS);
    let connector = SharedHttpConnector::new(connector);
    let builder = builder
        .http_client(tls::client_of(connector.clone()))
        .timeout_config(TimeoutConfig::builder().operation_timeout(deadlines::ATTEMPT).build())
        // `attempts.rs` decides what to retry.
        .retry_config(RetryConfig::disabled());
    let client = Client::from_conf(builder.build());
    let url = url.filter(|url| url.starts_with("https://"));
    Ok(Connection { client, connector, url })
}

fn from_environment(aws: &Aws) -> Builder {
    let credentials = Credentials::new(
        &aws.access_key_id,
        aws.secret_access_key.expose(),
        aws.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "environment",
    );
    let mut builder = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(aws.region.clone()))
        .credentials_provider(credentials)
        .use_fips(aws.use_fips)
        .use_dual_stack(aws.use_dual_stack);
    builder.set_app_name(aws.app_name.clone().and_then(|name| AppName::new(name).ok()));
    builder
}

/// Reads profiles, single sign-on and the other sources of a developer's machine.
#[cfg(feature = "default-chain")]
async fn from_default_chain() -> Builder {
    let shared = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
    Builder::from(&shared.load().await)
}

/// Returns the URL that requests go to, as the SDK resolves it.
async fn endpoint_at_aws(aws: &Aws) -> Option<String> {
    let params = Params::builder()
        .region(&aws.region)
        .use_fips(aws.use_fips)
        .use_dual_stack(aws.use_dual_stack)
        .build();
    let endpoint = DefaultResolver::new().resolve_endpoint(&params.ok()?).await.ok()?;
    Some(endpoint.url().to_owned())
}

impl Connection {
    /// Opens the connection that the first request will use: Lambda gives a function a
    /// whole CPU while it starts, and a small share of one afterwards. DynamoDB answers a
    /// bare GET without credentials. If that fails, the first request tries again.
    pub(crate) async fn warm_up(&self) {
        let Some(url) = &self.url else { return };
        let answer = async {
            let request = HttpRequest::get(url.as_str()).ok()?;
            let response = self.connector.call(request).await.ok()?;
            // A connection is reusable once its response has been read.
            ByteStream::new(response.into_body()).collect().await.ok()
        };
        if !matches!(tokio::time::timeout(deadlines::CONNECT, answer).await, Ok(Some(_))) {
            tracing::warn!("DynamoDB does not answer yet");
        }
    }
}

/// Returns a client of DynamoDB at AWS for use outside of a function. It does not retry, and
/// gives up on a request after ten seconds.
#[cfg(feature = "tools")]
#[must_use]
pub fn client_at_aws(aws: &Aws) -> Client {
    let limit = std::time::Duration::from_secs(10);
    let builder = from_environment(aws)
        .http_client(http_client())
        .timeout_config(TimeoutConfig::builder().operation_timeout(limit).build())
        .retry_config(RetryConfig::disabled());
    Client::from_conf(builder.build())
}

/// Returns an HTTP client with TLS for use outside of a function.
#[cfg(any(feature = "default-chain", feature = "tools"))]
#[must_use]
pub fn http_client() -> aws_sdk_dynamodb::config::SharedHttpClient {
    let connector = Connector::new(Trust::System, deadlines::CONNECT, usize::MAX);
    tls::client_of(SharedHttpConnector::new(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_connection_goes_to_the_host_that_the_sdk_uses() {
        for (region, url) in [
            ("eu-central-1", "https://dynamodb.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "https://dynamodb.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn"),
        ] {
            let variables = [
                ("AWS_REGION", region),
                ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
            ];
            let aws = Aws::from_lookup(|name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(endpoint_at_aws(&aws.unwrap()).await.as_deref(), Some(url));
        }
    }
}
