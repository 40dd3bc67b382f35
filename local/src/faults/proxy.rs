//! The proxy: its port, its connections, and what it has recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::body::Body;
use axum::http::Request;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::handler::Handler;
use super::{FaultPlan, Rates, Usage};
use crate::listener;
use crate::template::Permission;

/// What a proxy does besides passing requests on.
#[derive(Clone, Debug, Default)]
pub struct ProxyOptions {
    /// How often each fault happens.
    pub rates: Rates,
    /// Whether it parses all replies for what DynamoDB has read and charged.
    pub is_metered: bool,
    /// How long it holds each reply back.
    pub latency: Duration,
}

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct FaultProxy {
    url: String,
    handler: Arc<Handler>,
    connections: Arc<Connections>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy on a free port in front of the DynamoDB at `upstream`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(upstream: String, options: ProxyOptions) -> Result<FaultProxy> {
        FaultProxy::listen(upstream, options, None).await
    }

    /// As [`FaultProxy::start`], with TLS for the host `localhost`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start_tls(
        upstream: String,
        options: ProxyOptions,
        tls: TlsAcceptor,
    ) -> Result<FaultProxy> {
        FaultProxy::listen(upstream, options, Some(tls)).await
    }

    async fn listen(
        upstream: String,
        options: ProxyOptions,
        tls: Option<TlsAcceptor>,
    ) -> Result<FaultProxy> {
        let listener = listener::listen(0).await?;
        let port = listener.local_addr()?.port();
        let url = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let handler = Arc::new(Handler::new(upstream, options));
        let connections = Arc::new(Connections::default());
        let task = tokio::spawn(accept(listener, tls, handler.clone(), connections.clone()));
        Ok(FaultProxy { url, handler, connections, task })
    }

    /// Makes new connections close at once, or no longer.
    pub fn refuse_connections(&self, refuse: bool) {
        self.connections.are_refused.store(refuse, Ordering::Relaxed);
    }

    /// How many connections it has accepted and not refused.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.connections.accepted.load(Ordering::Relaxed)
    }

    /// Closes all connections that are open now.
    pub fn drop_connections(&self) {
        self.connections.dropped.send_replace(());
    }

    /// Answers nothing any more on the connections that are open now, and leaves them open.
    pub fn silence_connections(&self) {
        self.connections.silenced.send_replace(());
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which requests fail.
    #[must_use]
    pub fn faults(&self) -> &FaultPlan {
        &self.handler.plan
    }

    /// How many requests of `operation` DynamoDB has executed.
    #[must_use]
    pub fn executed(&self, operation: &str) -> u64 {
        self.handler.executed.count(operation)
    }

    /// How many stray requests DynamoDB has not answered yet.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.handler.strays.unanswered()
    }

    /// Lets all stray requests arrive now.
    pub fn deliver_strays(&self) {
        self.handler.strays.release_all();
    }

    /// What DynamoDB has done so far; nothing unless [`ProxyOptions::is_metered`].
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.handler.meter.as_ref().map(|meter| meter.usage()).unwrap_or_default()
    }

    /// The permissions that each function has used, by its name.
    #[must_use]
    pub fn used_permissions(&self) -> BTreeMap<String, BTreeSet<Permission>> {
        self.handler.permissions.by_function()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the connections share.
#[derive(Debug, Default)]
struct Connections {
    are_refused: AtomicBool,
    accepted: AtomicU64,
    /// Changes when all open connections must close.
    dropped: watch::Sender<()>,
    /// Changes when they must fall silent.
    silenced: watch::Sender<()>,
}

/// Serves connections until the task is aborted.
async fn accept(
    mut listener: listener::Listener,
    tls: Option<TlsAcceptor>,
    handler: Arc<Handler>,
    connections: Arc<Connections>,
) {
    loop {
        let (stream, _) = listener.accept().await;
        if connections.are_refused.load(Ordering::Relaxed) {
            continue;
        }
        connections.accepted.fetch_add(1, Ordering::Relaxed);
        let mut dropped = connections.dropped.subscribe();
        let mut silenced = connections.silenced.subscribe();
        let served = serve(stream, tls.clone(), handler.clone());
        tokio::spawn(async move {
            let mut served = pin!(served);
            tokio::select! {
                () = &mut served => {}
                _ = dropped.changed() => {}
                // Not served any more, but not closed either.
                _ = silenced.changed() => drop(dropped.changed().await),
            }
        });
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Arc<Handler>) {
    match tls {
        None => answer(stream, handler).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                answer(stream, handler).await;
            }
        }
    }
}

/// Answers the requests of one connection. An error of the handler closes it: that is a
/// fault on purpose, not a failure of the proxy.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, handler: Arc<Handler>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        handler.clone().handle(request.map(Body::new))
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
