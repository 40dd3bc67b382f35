//! The DynamoDB client: one connection pool, and timeouts that end before the
//! function's own.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::config::Config;

/// To open a connection. Within a region it takes a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// For one attempt. A connection that died while the function was frozen may
/// show up as this. `attempts.rs` has the time for all attempts together.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects to DynamoDB with the region and the credentials that the
/// environment holds. Nothing is sent before the first request.
pub async fn connect(config: &Config) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_timeout(ATTEMPT_TIMEOUT)
        .build();
    let shared = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client())
        .timeout_config(timeouts)
        // What is sent again is decided in `attempts.rs`.
        .retry_config(RetryConfig::disabled())
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
