//! HTTPS, to DynamoDB and to the issuer: hyper's client over rustls with ring, which
//! also checks signatures (`auth/crypto.rs`). Named here and nowhere else.
//!
//! The SDK's own connector is the same with HTTP/2 compiled in, which neither
//! DynamoDB nor a key set needs: 0.6 MB in each function, which a cold start reads
//! (docs/performance.md).

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// The roots of the certificates of AWS's services, all that Amazon says there will
/// be. Should that change, `SSL_CERT_FILE` goes before them. Parsing the system's hundred
/// and more would be most of what a cold start does before its first request.
/// <https://www.amazontrust.com/repository/>
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("tls/amazon-root-ca-1.der"),
    include_bytes!("tls/amazon-root-ca-2.der"),
    include_bytes!("tls/amazon-root-ca-3.der"),
    include_bytes!("tls/amazon-root-ca-4.der"),
    include_bytes!("tls/starfield-services-root-ca-g2.der"),
];

/// Whose certificates are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of AWS's services.
    Amazon,
    /// Those that the system's roots have signed.
    System,
}

/// Sends HTTP/1.1 requests of the SDK, over TLS where the URL says `https`.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    client: Client<HttpsConnector<connect::HttpConnector>, SdkBody>,
}

impl Connector {
    /// Connects to hosts whose certificates `trust` believes in, by TCP within
    /// `connect_timeout`, and keeps at most `idle` connections to each for later.
    pub(crate) fn new(trust: Trust, connect_timeout: Duration, idle: usize) -> Connector {
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect_timeout));
        // A request in two segments would wait for the first to be acknowledged.
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots(trust)))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(idle)
            .build(https);
        Connector { client }
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let response = self.client.request(request);
        HttpConnectorFuture::new(async move {
            // Whether it was executed is as uncertain after one error as after
            // another, so they need not be told apart.
            let response = response.await.map_err(|error| ConnectorError::io(error.into()))?;
            let response = HttpResponse::try_from(response.map(SdkBody::from_body_1_x));
            response.map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[expect(clippy::expect_used, reason = "a constant choice, made in every test")]
fn tls(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn roots(trust: Trust) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificates = match trust {
        Trust::Amazon => AMAZON_ROOTS.map(CertificateDer::from).to_vec(),
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            for error in found.errors {
                tracing::warn!("the system's certificates: {error}");
            }
            found.certs
        }
    };
    // A system may have some that are no good; a host that needs one of them is
    // not believed.
    roots.add_parsable_certificates(certificates);
    roots
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
        assert_eq!(roots(Trust::Amazon).len(), AMAZON_ROOTS.len());
    }
}
