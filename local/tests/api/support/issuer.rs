//! A fake issuer, whose answers each test chooses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use local::settings::Settings;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::keys::Signer;

/// How the issuer answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// 200 with this body and these headers.
    Text(String, Vec<(&'static str, String)>),
    Status(u16),
    Redirect(String),
    /// A redirect to this path, which answers with this body.
    RedirectTo(String, String),
    /// Nothing, for longer than any timeout.
    Silence,
    /// The first bytes of a key set, and then nothing.
    Half,
    /// Whitespace without end.
    Endless,
}

pub(crate) fn key_set(keys: &[&Signer]) -> Answer {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    Answer::Text(json!({ "keys": keys }).to_string(), vec![])
}

pub(crate) struct FakeIssuer {
    url: String,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl FakeIssuer {
    pub(crate) async fn start(answer: Answer) -> FakeIssuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(answer));
        let requests = Arc::new(AtomicUsize::new(0));
        let (current, count) = (answer.clone(), requests.clone());
        let handle = move |request: Request| {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = current.lock().unwrap().clone();
            respond(answer, request)
        };
        let router = Router::new().fallback(handle);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        FakeIssuer { url, answer, requests, task }
    }

    /// The `iss` of its tokens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn key_set_url(&self) -> String {
        format!("{}/jwks", self.url)
    }

    /// The settings of an API that accepts its tokens, for the audience `tasks`.
    pub(crate) fn settings(&self) -> Settings {
        Settings::default()
            .with("JWKS_URL", &self.key_set_url())
            .with("JWT_ISSUER", self.url())
            .with("JWT_AUDIENCE", "tasks")
    }

    /// Changes how it answers.
    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How many requests it has received.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn redirect(to: String) -> Response {
    (StatusCode::FOUND, [("location", to)]).into_response()
}

async fn respond(answer: Answer, request: Request) -> Response {
    let forever = || futures::stream::pending::<Result<&[u8], std::io::Error>>();
    match answer {
        Answer::Text(text, headers) => {
            let mut response = Response::new(Body::from(text));
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(to) => redirect(to),
        Answer::RedirectTo(to, _) if request.uri().path() == "/jwks" => redirect(to),
        Answer::RedirectTo(_, text) => text.into_response(),
        Answer::Silence => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            StatusCode::OK.into_response()
        }
        Answer::Half => {
            use futures::StreamExt;
            let start = futures::stream::iter([Ok(&b"{\"keys\": ["[..])]);
            Body::from_stream(start.chain(forever())).into_response()
        }
        Answer::Endless => {
            let spaces = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8192]));
            Body::from_stream(spaces).into_response()
        }
    }
}
