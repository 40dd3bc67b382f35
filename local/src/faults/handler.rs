//! What the proxy does with each request.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use tokio::time::sleep;

use super::executed::Executed;
use super::meter::Meter;
use super::permissions::UsedPermissions;
use super::strays::Strays;
use super::{Fault, FaultPlan, ProxyOptions, replies};

/// How long [`Fault::Delay`] holds a request back: longer than the functions
/// wait for one attempt.
pub const DELAY: Duration = Duration::from_secs(3);

/// Answers requests: passes them on to `upstream`, unless the plan has a fault for them.
#[derive(Debug)]
pub(super) struct Handler {
    upstream: String,
    client: reqwest::Client,
    pub(super) plan: FaultPlan,
    pub(super) executed: Executed,
    pub(super) strays: Strays,
    pub(super) permissions: UsedPermissions,
    pub(super) meter: Option<Meter>,
    latency: Duration,
}

impl Handler {
    pub(super) fn new(upstream: String, options: ProxyOptions) -> Handler {
        Handler {
            upstream,
            client: reqwest::Client::new(),
            plan: FaultPlan::new(options.rates),
            executed: Executed::default(),
            strays: Strays::default(),
            permissions: UsedPermissions::default(),
            meter: options.is_metered.then(Meter::default),
            latency: options.latency,
        }
    }

    /// Answers a request. An error closes the connection.
    pub(super) async fn handle(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>> {
        let operation = operation(request.headers());
        match self.plan.next(&operation) {
            None => self.pass_on(request, &operation).await,
            Some(fault) => self.fail(fault, request, operation).await,
        }
    }

    async fn fail(
        self: Arc<Self>,
        fault: Fault,
        request: Request<Body>,
        operation: String,
    ) -> Result<Response<Body>> {
        match fault {
            Fault::Throttle => Ok(replies::throttled(&operation)),
            Fault::Conflict => Ok(replies::conflict(&operation)),
            Fault::Error => Ok(replies::internal_error()),
            Fault::Drop => bail!("dropped on purpose"),
            Fault::LostReply => {
                self.execute(request, &operation).await?;
                bail!("the reply was lost on purpose")
            }
            Fault::Delay => {
                // If the client closes the connection, this future ends here.
                sleep(DELAY).await;
                self.pass_on(request, &operation).await
            }
            Fault::Late => self.execute_late(request, operation).await,
            Fault::Stray => self.lead_astray(request, operation).await,
            Fault::Cut => self.execute(request, &operation).await.map(replies::cut),
            Fault::Garbage => {
                self.execute(request, &operation).await?;
                Ok(replies::garbage())
            }
        }
    }

    /// Executes a request after [`DELAY`], even if the connection closes before.
    async fn execute_late(
        self: Arc<Self>,
        request: Request<Body>,
        operation: String,
    ) -> Result<Response<Body>> {
        tokio::spawn(async move {
            sleep(DELAY).await;
            // Nobody waits for the result.
            let _ = self.execute(request, &operation).await;
        });
        sleep(DELAY).await;
        bail!("late on purpose")
    }

    /// Closes the connection, and executes the request when it is released.
    async fn lead_astray(
        self: Arc<Self>,
        request: Request<Body>,
        operation: String,
    ) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        // Read now: closing the connection would lose it.
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let released = self.strays.add(&operation, self.executed.count(&operation));
        tokio::spawn(async move {
            if released.await.is_ok() {
                let request = Request::from_parts(parts, Body::from(body));
                let _ = self.execute(request, &operation).await;
                self.strays.answered();
            }
        });
        bail!("gone astray on purpose")
    }

    async fn pass_on(&self, request: Request<Body>, operation: &str) -> Result<Response<Body>> {
        let reply = self.execute(request, operation).await?.map(Body::from);
        if !self.latency.is_zero() {
            sleep(self.latency).await;
        }
        Ok(reply)
    }

    /// Lets DynamoDB execute a request, and records it.
    async fn execute(&self, request: Request<Body>, operation: &str) -> Result<Response<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        self.permissions.record(&parts.headers, operation, &body);
        let mut headers = parts.headers;
        headers.remove("host");
        headers.remove("content-length");
        let reply = self.client.post(&self.upstream).headers(headers).body(body).send().await?;
        self.strays.release(operation, self.executed.add(operation));
        let mut response = Response::builder().status(reply.status());
        for (name, value) in reply.headers() {
            if name != "transfer-encoding" && name != "connection" {
                response = response.header(name, value);
            }
        }
        let body = reply.bytes().await?;
        if let Some(meter) = &self.meter {
            meter.record(&body);
        }
        Ok(response.body(body)?)
    }
}

/// The operation that a request asks for, such as `GetItem`; empty if it names none.
fn operation(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    target.and_then(|target| target.split('.').nth(1)).unwrap_or_default().to_owned()
}
