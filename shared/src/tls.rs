//! HTTPS, to DynamoDB and to the issuer: rustls with ring, which also checks
//! signatures (`auth/crypto.rs`). Named here and nowhere else.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

/// The roots of the certificates of AWS's services, all that Amazon says there will
/// be. Should that change, `SSL_CERT_FILE` goes before them. Parsing the system's hundred
/// and more would be most of what a cold start does before its first request.
/// <https://www.amazontrust.com/repository/>
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("tls/amazon-root-ca-1.pem"),
    include_bytes!("tls/amazon-root-ca-2.pem"),
    include_bytes!("tls/amazon-root-ca-3.pem"),
    include_bytes!("tls/amazon-root-ca-4.pem"),
    include_bytes!("tls/starfield-services-root-ca-g2.pem"),
];

/// Whose certificates are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of AWS's services.
    Amazon,
    /// Those that the system's roots have signed.
    System,
}

/// What connects to hosts whose certificates `trust` believes in, within
/// `connect_timeout`, and keeps at most `idle` connections to each for later.
#[expect(clippy::expect_used, reason = "the roots are constants, and a test reads them")]
pub(crate) fn connector(trust: Trust, connect_timeout: Duration, idle: usize) -> Connector {
    let roots = match trust {
        Trust::System => TrustStore::default(),
        Trust::Amazon => AMAZON_ROOTS
            .into_iter()
            .fold(TrustStore::empty(), |roots, root| roots.with_pem_certificate(root)),
    };
    let context = TlsContext::builder().with_trust_store(roots).build().expect("good roots");
    let settings = HttpConnectorSettings::builder().connect_timeout(connect_timeout).build();
    Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .connector_settings(settings)
        .pool_max_idle_per_host(idle)
        .build()
}

/// An HTTP client of the SDK with just this connector. (Left to itself, it makes
/// several, each with connections of its own.)
pub(crate) fn client_of(connector: SharedHttpConnector) -> SharedHttpClient {
    http_client_fn(move |_, _| connector.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_are_certificates() {
        connector(Trust::Amazon, Duration::from_secs(1), 1);
        for root in AMAZON_ROOTS {
            let text = std::str::from_utf8(root).unwrap();
            assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 1);
        }
    }
}
