//! Sends requests over HTTP/1.1, with TLS if the URL says so.
//!
//! Not reqwest: with its TLS, every client of this workspace would have to be told what
//! cryptography to use. It follows no redirect and uses no proxy, so that no other host
//! gets the load.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::Target;

/// How long to wait for a reply. Functions reply within eight seconds, plus a cold start.
const LIMIT: Duration = Duration::from_secs(15);

/// A method, a path and a body.
pub(super) type Call = (Method, String, Option<Value>);

/// A complete reply.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A client of one API.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    base: String,
}

impl Http {
    pub(super) fn new(target: &Target) -> Result<Http> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).build(https);
        Ok(Http { client, base: target.to_string() })
    }

    /// Sends a request and reads the whole reply.
    pub(super) async fn send(&self, token: &str, (method, path, body): &Call) -> Result<Reply> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {token}"));
        let request = match body {
            None => request.body(Body::empty()),
            Some(body) => {
                let request = request.header(CONTENT_TYPE, "application/json");
                request.body(Body::from(body.to_string()))
            }
        };
        let request = request?;
        let answer = async {
            let reply = self.client.request(request).await?;
            let status = reply.status();
            let body = to_bytes(Body::new(reply.into_body()), usize::MAX).await?;
            anyhow::Ok(Reply { status, body })
        };
        tokio::time::timeout(LIMIT, answer).await.context("no reply in time")?
    }
}

/// Trusts what browsers trust, and what the system or `SSL_CERT_FILE` adds to it.
fn tls() -> Result<ClientConfig> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
