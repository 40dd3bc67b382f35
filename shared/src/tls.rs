//! HTTPS to DynamoDB and to the issuer: hyper's client over rustls with ring, which also
//! verifies signatures (`auth/crypto.rs`). Only this module names hyper and rustls.
//!
//! The SDK's own connector is the same with HTTP/2 compiled in, which neither
//! DynamoDB nor a key set needs. Without it, functions are a megabyte smaller
//! (docs/performance.md).

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{self, CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lambda_http::Service;
use lambda_http::http::Uri;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::config;

/// The root certificates of AWS's services: all that Amazon says it will use.
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("tls/amazon-root-ca-1.der"),
    include_bytes!("tls/amazon-root-ca-2.der"),
    include_bytes!("tls/amazon-root-ca-3.der"),
    include_bytes!("tls/amazon-root-ca-4.der"),
    include_bytes!("tls/starfield-services-root-ca-g2.der"),
];

/// Which root certificates are trusted, besides those that `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Amazon's.
    Amazon,
    /// Those that browsers trust: Mozilla's, as they were at build time. The system's are
    /// nearly the same, but reading and parsing them would take most of a cold start.
    Web,
    /// The system's.
    System,
}

impl Trust {
    /// Returns the roots to trust for the host of `url`: Amazon's for its own services.
    pub(crate) fn about(url: &str) -> Trust {
        if is_amazons(url) { Trust::Amazon } else { Trust::Web }
    }
}

/// Whether the host of `url` has a certificate that chains to Amazon's roots. Other
/// partitions (China, the sovereign clouds) may use other roots.
fn is_amazons(url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or_default().split(['/', ':']).next();
    host.is_some_and(|host| host.ends_with(".amazonaws.com") || host.ends_with(".api.aws"))
}

/// Sends the SDK's requests over HTTP/1.1, with TLS if the URL says `https`.
///
/// While Lambda freezes a function, all its idle connections may die without notice. So after
/// one has failed, none of the others is used again: a retry opens a new one.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pool: Arc<Mutex<Pool>>,
}

/// Connections to use.
#[derive(Debug)]
struct Pool {
    client: Client<InTime, SdkBody>,
    /// How often one has failed, and all were replaced.
    generation: u64,
    opener: InTime,
    idle: usize,
}

impl Connector {
    /// Returns a connector to hosts whose certificates `trust` accepts. It opens a
    /// connection, including the TLS handshake, within `connect_timeout`, and keeps at
    /// most `idle` idle connections per host.
    pub(crate) fn new(trust: Trust, connect_timeout: Duration, idle: usize) -> Connector {
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        // Otherwise, the second segment of a request waits until the first is
        // acknowledged.
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots(trust)))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let opener = InTime { https, limit: connect_timeout };
        let client = client(&opener, idle);
        Connector { pool: Arc::new(Mutex::new(Pool { client, generation: 0, opener, idle })) }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(opener: &InTime, idle: usize) -> Client<InTime, SdkBody> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(idle)
        .build(opener.clone())
}

/// A request under way. If it ends without a reply, by an error or a timeout, the connections
/// are replaced.
struct UnderWay {
    connector: Connector,
    generation: u64,
    was_answered: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut pool = self.connector.pool();
        // Another request may have replaced them meanwhile.
        if !self.was_answered && pool.generation == self.generation {
            pool.generation += 1;
            pool.client = client(&pool.opener, pool.idle);
        }
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let connection = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&connection));
        }
        let (response, generation) = {
            let pool = self.pool();
            (pool.client.request(request), pool.generation)
        };
        let under_way = UnderWay { connector: self.clone(), generation, was_answered: false };
        HttpConnectorFuture::new(async move {
            // All of it, not a copy of one field.
            let mut under_way = under_way;
            let response = response.await.map_err(|error| match error.is_connect() {
                true => ConnectorError::io(NotSent(error).into()),
                false => ConnectorError::io(error.into()),
            })?;
            under_way.was_answered = true;
            let response = HttpResponse::try_from(response.map(SdkBody::from_body_1_x));
            response.map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// A request of which nothing was sent, because no connection could be opened.
#[derive(Debug)]
struct NotSent(hyper_util::client::legacy::Error);

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NotSent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Whether a request failed before any of it was sent.
pub(crate) fn was_not_sent(error: &ConnectorError) -> bool {
    error.source().is_some_and(|source| source.is::<NotSent>())
}

/// Lets the SDK close a connection after its host has failed: the next connection may
/// reach another host.
fn metadata(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let end = move || {
        if let Some(connected) = connection.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(end).build())
}

/// Opens connections within a time limit.
#[derive(Clone, Debug)]
struct InTime {
    https: HttpsConnector<connect::HttpConnector>,
    limit: Duration,
}

type Opened = <HttpsConnector<connect::HttpConnector> as Service<Uri>>::Response;

impl Service<Uri> for InTime {
    type Response = Opened;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Opened, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let opened = tokio::time::timeout(self.limit, self.https.call(url));
        Box::pin(async { opened.await? })
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
    let mut roots = compiled_in(trust);
    if trust == Trust::System || config::has_certificates() {
        // Those that the variables name; without the variables, the system's.
        let found = rustls_native_certs::load_native_certs();
        for error in found.errors {
            tracing::warn!("root certificates: {error}");
        }
        // Invalid ones are skipped; a host that needs one of them is not trusted.
        roots.add_parsable_certificates(found.certs);
    }
    if roots.is_empty() {
        tracing::warn!("there are no root certificates: no host is believed");
    }
    roots
}

fn compiled_in(trust: Trust) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Amazon => {
            roots.add_parsable_certificates(AMAZON_ROOTS.map(CertificateDer::from));
        }
        Trust::Web => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Trust::System => {}
    }
    roots
}

/// Returns an HTTP client for the SDK that only uses this connector. By default, the SDK
/// makes several connectors, each with its own connections.
pub(crate) fn client_of(connector: SharedHttpConnector) -> SharedHttpClient {
    http_client_fn(move |_, _| connector.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amazon_roots_are_valid_certificates() {
        assert_eq!(compiled_in(Trust::Amazon).len(), AMAZON_ROOTS.len());
    }

    #[test]
    fn browsers_trust_the_amazon_roots_too() {
        let web = compiled_in(Trust::Web).roots;
        assert!(compiled_in(Trust::Amazon).roots.iter().all(|root| web.contains(root)));
    }

    #[test]
    fn only_aws_hosts_are_amazons() {
        for (url, is_one) in [
            ("https://dynamodb.eu-central-1.amazonaws.com", true),
            ("https://dynamodb.us-east-1.api.aws/", true),
            ("https://dynamodb.cn-north-1.amazonaws.com.cn", false),
            ("http://dynamodb.x.amazonaws.com", false),
            ("https://amazonaws.com.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_amazons(url), is_one, "{url}");
        }
    }
}
