//! The DynamoDB client: one connection pool, and timeouts that end before the
//! function's own.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::config::Config;

/// To open a connection. Within a region it takes a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// For one attempt, after which the SDK tries again on another connection. A
/// connection that died while the function was frozen shows up as this.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// For one operation with all its attempts: the function is cut off at 10 s,
/// and an honest 503 takes a moment to write.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);

/// Connects to DynamoDB with the region and the credentials that the
/// environment holds. Nothing is sent before the first request.
pub async fn connect(config: &Config) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let shared = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client())
        .timeout_config(timeouts)
        .load()
        .await;
    let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&shared);
    // The SDK reads the variable too, but takes an empty one for a URL.
    dynamodb.set_endpoint_url(config.dynamodb_endpoint.clone());
    Client::from_conf(dynamodb.build())
}

/// HTTP with TLS by rustls and ring.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
