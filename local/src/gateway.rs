//! An API Gateway HTTP API on this machine: the real one's routes, CORS and limits, in
//! front of [`Lambda`].
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html>

mod cors;
mod event;
mod reply;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use crate::lambda::{Lambda, LogSink, Outcome};
use crate::template::{Cors, Route, Template};

use cors::Refusals;
use event::{PathParameters, RequestParts};

/// The largest body of a request.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The largest request line and headers together.
const MAX_HEADER_BYTES: usize = 10_240;

/// The largest event for Lambda.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The HTTP API.
pub struct Gateway {
    routes: Vec<(Route, String)>,
    cors: Cors,
    refusals: Refusals,
    lambda: Arc<Lambda>,
}

impl Gateway {
    /// The API that `template` describes, in front of `lambda`. It logs the origins that
    /// CORS refuses.
    #[must_use]
    pub fn new(template: &Template, lambda: Arc<Lambda>, logs: LogSink) -> Gateway {
        let routes = template.functions.iter().flat_map(|function| {
            function.routes.iter().map(|route| (route.clone(), function.name.clone()))
        });
        Gateway {
            routes: routes.collect(),
            cors: template.cors.clone(),
            refusals: Refusals::new(logs),
            lambda,
        }
    }

    /// The service that answers requests.
    pub fn into_router(self) -> Router {
        Router::new().fallback(handle).with_state(Arc::new(self))
    }
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    gateway.refusals.note(&gateway.cors, request.headers());
    let origin = request.headers().get("origin").cloned();
    let mut response = if cors::is_preflight(request.method(), request.headers()) {
        cors::preflight(&gateway.cors, origin.as_ref())
    } else {
        gateway.answer(request, client, &request_id).await
    };
    cors::allow(&gateway.cors, origin.as_ref(), response.headers_mut());
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", request_id);
    }
    response
}

impl Gateway {
    async fn answer(&self, request: Request, client: SocketAddr, request_id: &str) -> Response {
        let (parts, body) = request.into_parts();
        if header_bytes(&parts) > MAX_HEADER_BYTES {
            return message(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            );
        }
        let path = event::decode(parts.uri.path());
        let Some((route, function, parameters)) = self.route(&parts.method, &path) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let event = event::build(&RequestParts {
            route,
            path: &path,
            parameters,
            http: &parts,
            body: &body,
            source_ip: client.ip(),
            request_id,
        });
        if event.len() > MAX_EVENT_BYTES {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        match self.lambda.invoke(function, Bytes::from(event)).await {
            Ok(Outcome::Reply(reply)) => reply::from_lambda(&reply).unwrap_or_else(|| {
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
            Ok(Outcome::TimedOut) => {
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Ok(Outcome::Error(_) | Outcome::Crashed) | Err(_) => {
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }

    /// Returns the route of a request, its function and the path parameters. API Gateway
    /// prefers a literal segment to a parameter.
    fn route(&self, method: &Method, path: &str) -> Option<(&Route, &str, PathParameters)> {
        let candidates = self.routes.iter().filter(|(route, _)| route.method == method.as_str());
        candidates
            .filter_map(|(route, function)| {
                Some((route, function.as_str(), event::match_path(&route.path, path)?))
            })
            .min_by_key(|(_, _, parameters)| parameters.len())
    }
}

/// The size of a request without its body.
fn header_bytes(request: &Parts) -> usize {
    let line = request.method.as_str().len() + request.uri.to_string().len();
    let headers = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    line + headers.sum::<usize>()
}

/// A reply from the gateway itself.
fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(format!(r#"{{"message":"{text}"}}"#)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}
