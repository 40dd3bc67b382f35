//! A proxy in front of DynamoDB that makes faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::serve::Listener;
use bytes::Bytes;
use futures::stream;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{DELAY, Fault, Faults};
use crate::listener;
use crate::template::Permission;

/// A running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    url: String,
    faults: Arc<Faults>,
    connections: watch::Sender<()>,
    is_away: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy on a free port in front of the DynamoDB at `upstream`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(upstream: String, faults: Arc<Faults>) -> Result<FaultProxy> {
        FaultProxy::listen(upstream, faults, None).await
    }

    /// As [`FaultProxy::start`], with TLS for the host `localhost`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start_tls(
        upstream: String,
        faults: Arc<Faults>,
        tls: TlsAcceptor,
    ) -> Result<FaultProxy> {
        FaultProxy::listen(upstream, faults, Some(tls)).await
    }

    async fn listen(
        upstream: String,
        faults: Arc<Faults>,
        tls: Option<TlsAcceptor>,
    ) -> Result<FaultProxy> {
        let mut listener = listener::listen(0).await?;
        let port = listener.local_addr()?.port();
        let url = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let handler =
            Arc::new(Handler { upstream, faults: faults.clone(), client: reqwest::Client::new() });
        let (connections, ended) = watch::channel(());
        let is_away = Arc::new(AtomicBool::new(false));
        let accepted = Arc::new(AtomicU64::new(0));
        let (away, count) = (is_away.clone(), accepted.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await;
                if away.load(Ordering::Relaxed) {
                    continue;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let mut ended = ended.clone();
                ended.mark_unchanged();
                let served = serve(stream, tls.clone(), handler.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = served => {}
                        _ = ended.changed() => {}
                    }
                });
            }
        });
        Ok(FaultProxy { url, faults, connections, is_away, accepted, task })
    }

    /// From now on new connections end at once; or no more.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections that are open now.
    pub fn drop_connections(&self) {
        self.connections.send_replace(());
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers the requests of one connection. A service that fails ends it: that is a
/// fault, and no error of the proxy's.
async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Arc<Handler>) {
    match tls {
        None => handler.serve(stream).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                handler.serve(stream).await;
            }
        }
    }
}

struct Handler {
    upstream: String,
    faults: Arc<Faults>,
    client: reqwest::Client,
}

impl Handler {
    async fn serve(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            self.clone().handle(request.map(Body::new))
        });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    /// Passes a request on. An error ends the connection.
    async fn handle(
        self: Arc<Self>,
        request: Request<Body>,
    ) -> Result<Response<Body>, anyhow::Error> {
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        let operation = target.and_then(|target| target.split('.').nth(1)).unwrap_or_default();
        let operation = operation.to_owned();
        match self.faults.next(&operation) {
            None => self.forward(request, &operation).await.map(whole),
            Some(Fault::Throttle) if operation == "TransactWriteItems" => {
                Ok(cancelled("ThrottlingError"))
            }
            Some(Fault::Throttle) => {
                Ok(refusal(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException"))
            }
            Some(Fault::Error) => {
                Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"))
            }
            Some(Fault::Conflict) if operation == "TransactWriteItems" => {
                Ok(cancelled("TransactionConflict"))
            }
            Some(Fault::Conflict) => {
                Ok(refusal(StatusCode::BAD_REQUEST, "TransactionConflictException"))
            }
            Some(Fault::Drop) => Err(anyhow!("dropped on purpose")),
            Some(Fault::LostReply) => {
                self.forward(request, &operation).await?;
                Err(anyhow!("the reply was lost on purpose"))
            }
            Some(Fault::Delay) => {
                // Ends here if the other side gives up and closes.
                tokio::time::sleep(DELAY).await;
                self.forward(request, &operation).await.map(whole)
            }
            Some(Fault::Late) => {
                tokio::spawn(async move {
                    tokio::time::sleep(DELAY).await;
                    // There is nobody to tell.
                    let _ = self.forward(request, &operation).await;
                });
                tokio::time::sleep(DELAY).await;
                Err(anyhow!("late on purpose"))
            }
            Some(Fault::Stray) => {
                let (parts, body) = request.into_parts();
                // While there still is a connection to read it from.
                let body = axum::body::to_bytes(body, usize::MAX).await?;
                let may_arrive = self.faults.stray(&operation);
                tokio::spawn(async move {
                    if may_arrive.await.is_ok() {
                        let request = Request::from_parts(parts, Body::from(body));
                        let _ = self.forward(request, &operation).await;
                        self.faults.count_arrived();
                    }
                });
                Err(anyhow!("gone astray on purpose"))
            }
            Some(Fault::Cut) => self.forward(request, &operation).await.map(cut),
            Some(Fault::Garbage) => {
                self.forward(request, &operation).await?;
                Ok(Response::new(Body::from("<html>not what you think</html>")))
            }
        }
    }

    async fn forward(&self, request: Request<Body>, operation: &str) -> Result<Response<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        if let Some(function) = function(&parts.headers) {
            self.faults.note(&function, permissions(operation, &body));
        }
        let mut headers = parts.headers;
        headers.remove("host");
        headers.remove("content-length");
        let sent = self.client.post(&self.upstream).headers(headers).body(body).send();
        let reply = sent.await?;
        self.faults.count_executed(operation);
        let mut response = Response::builder().status(reply.status());
        for (name, value) in reply.headers() {
            if name != "transfer-encoding" && name != "connection" {
                response = response.header(name, value);
            }
        }
        let body = reply.bytes().await?;
        self.faults.count_usage(&body);
        Ok(response.body(body)?)
    }
}

/// The function that sends a request: its SDK has been given that for an app id.
fn function(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get("x-amz-user-agent").or(headers.get("user-agent"))?.to_str().ok()?;
    agent.split(' ').find_map(|part| part.strip_prefix("app/")).map(str::to_owned)
}

/// What somebody must be allowed to do for a request. A transaction needs what
/// its parts would.
fn permissions(operation: &str, body: &[u8]) -> Vec<Permission> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let permission = |action: &str, request: &Value| {
        let table = request["TableName"].as_str().unwrap_or_default();
        let resource = match request["IndexName"].as_str() {
            Some(index) => format!("{table}/index/{index}"),
            None => table.to_owned(),
        };
        Permission { action: action.to_owned(), resource }
    };
    match body["TransactItems"].as_array() {
        Some(parts) => parts
            .iter()
            .flat_map(|part| part.as_object().into_iter().flatten())
            .map(|(kind, request)| permission(&format!("{kind}Item"), request))
            .collect(),
        None => vec![permission(operation, &body)],
    }
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(Body::from)
}

/// Half of a reply that says that it is whole.
fn cut(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| {
        let half = body.slice(..body.len() / 2);
        let end = Err(anyhow!("cut on purpose"));
        Body::from_stream(stream::iter([Ok::<_, anyhow::Error>(half), end]))
    })
}

fn refusal(status: StatusCode, name: &str) -> Response<Body> {
    answer(status, name, "")
}

/// A transaction that is cancelled because of its first part.
fn cancelled(code: &str) -> Response<Body> {
    let reasons = format!(
        r#","CancellationReasons":[{{"Code":"{code}","Message":"on purpose"}},{{"Code":"None"}}]"#
    );
    answer(StatusCode::BAD_REQUEST, "TransactionCanceledException", &reasons)
}

fn answer(status: StatusCode, name: &str, more: &str) -> Response<Body> {
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"on purpose"{more}}}"#
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = axum::http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert("content-type", json);
    response
}
