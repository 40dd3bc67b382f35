//! One of several writers of a task.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Caller, Reply};

/// A logical clock that orders the beginnings and ends of requests.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A request of a writer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Sets a unique description, and perhaps the completion.
    Update(String, Option<bool>),
    Flip,
    Set(bool),
    Delete,
    Get,
}

/// A request and its reply.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) step: Step,
    pub(super) if_match: Option<String>,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) status: StatusCode,
    pub(super) etag: Option<String>,
    pub(super) body: Value,
}

impl Exchange {
    /// Whether the reply says that the outcome is unknown.
    pub(super) fn is_unknown(&self) -> bool {
        let detail = self.body["detail"].as_str().unwrap_or_default();
        self.status == StatusCode::SERVICE_UNAVAILABLE && detail.starts_with("It is not known")
    }

    /// Whether it may have been executed without being acknowledged: the outcome is unknown,
    /// or a retry found the task deleted.
    pub(super) fn may_be_done(&self) -> bool {
        self.is_unknown() || self.status == StatusCode::NOT_FOUND
    }

    pub(super) fn is_done(&self) -> bool {
        self.status.is_success()
    }
}

pub(super) struct Writer<'a> {
    caller: &'a Caller<'a>,
    path: &'a str,
    clock: &'a Clock,
    name: String,
    /// The entity tag that it saw last.
    seen: Option<String>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        caller: &'a Caller<'a>,
        path: &'a str,
        clock: &'a Clock,
        name: String,
    ) -> Writer<'a> {
        Writer { caller, path, clock, name, seen: None }
    }

    /// Sends random requests, one after the other.
    pub(super) async fn work(mut self, steps: usize) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        for number in 0..steps {
            let text = format!("{}-{number}", self.name);
            let step = match fastrand::u8(0..40) {
                0..=9 => Step::Update(text, None),
                10..=13 => Step::Update(text, Some(fastrand::bool())),
                14..=25 => Step::Flip,
                26..=31 => Step::Set(fastrand::bool()),
                32 => Step::Delete,
                _ => Step::Get,
            };
            let seen = self.seen.clone().filter(|_| step != Step::Get);
            exchanges.push(self.ask(step, seen.filter(|_| fastrand::bool())).await);
        }
        exchanges
    }

    async fn ask(&mut self, step: Step, if_match: Option<String>) -> Exchange {
        let began = self.clock.tick();
        let reply = self.send(&step, if_match.as_deref()).await;
        let ended = self.clock.tick();
        let etag = reply.headers.get("etag").cloned();
        if etag.is_some() {
            self.seen.clone_from(&etag);
        }
        let body = serde_json::from_slice(&reply.body).unwrap_or_default();
        Exchange { step, if_match, began, ended, status: reply.status, etag, body }
    }

    async fn send(&self, step: &Step, if_match: Option<&str>) -> Reply {
        let headers: Vec<(&str, &str)> = if_match.iter().map(|tag| ("if-match", *tag)).collect();
        let complete = format!("{}/complete", self.path);
        match step {
            Step::Update(description, completed) => {
                let mut body = json!({ "description": description });
                if let Some(completed) = completed {
                    body["completed"] = json!(completed);
                }
                self.caller.json(Method::PUT, self.path, &headers, body).await
            }
            Step::Flip => self.caller.send(Method::PATCH, &complete, &headers, vec![]).await,
            Step::Set(completed) => {
                let body = json!({ "completed": completed });
                self.caller.json(Method::PATCH, &complete, &headers, body).await
            }
            Step::Delete => self.caller.send(Method::DELETE, self.path, &headers, vec![]).await,
            Step::Get => self.caller.get(self.path).await,
        }
    }
}
