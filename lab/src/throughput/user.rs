//! One of the users who send requests, and the results of the requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, anyhow};
use aws_sdk_dynamodb::Client as DynamoDb;
use local::settings::Settings;
use local::{DAY, seed, token};
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use shared::User;
use shared::task::TaskId;

use super::{Endpoint, TASKS};

/// The results of requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The latencies of complete replies with the expected status, in microseconds.
    pub(super) latencies: Vec<u32>,
    /// The number of unexpected replies and failed requests.
    pub(super) errors: u64,
    /// The message of the first of them.
    pub(super) first_error: Option<String>,
}

impl Tally {
    pub(super) fn add(&mut self, mut other: Tally) {
        self.latencies.append(&mut other.latencies);
        self.add_errors(other);
    }

    pub(super) fn add_errors(&mut self, other: Tally) {
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// A user with a connection of its own.
pub(super) struct BusyUser {
    api: String,
    authorization: String,
    http: Client,
    user: User,
    /// The tasks that are never deleted.
    tasks: Vec<TaskId>,
    /// The tasks that are to be deleted.
    supply: Vec<TaskId>,
    /// How many tasks were ever stored, not counting those that the API created.
    stored: u32,
    /// How many requests were sent.
    sent: usize,
}

impl BusyUser {
    /// The user `name`, who has [`TASKS`] tasks.
    pub(super) async fn new(api: &str, settings: &Settings, name: &str) -> Result<BusyUser> {
        let user = token::user(settings, name).await?;
        Ok(BusyUser {
            api: api.to_owned(),
            authorization: format!("Bearer {}", token::sign(settings, None, name, DAY)?),
            // One client for each user, so that no user waits for another's connection.
            http: Client::builder().no_proxy().build()?,
            tasks: (0..TASKS).map(|index| seed::id(&user, index)).collect::<Result<_>>()?,
            user,
            supply: Vec::new(),
            stored: TASKS,
            sent: 0,
        })
    }

    /// Stores tasks, bypassing the API, until there are `count` to delete.
    pub(super) async fn supply(&mut self, client: &DynamoDb, count: usize) -> Result<()> {
        let missing = u32::try_from(count.saturating_sub(self.supply.len()))?;
        let new = self.stored..self.stored + missing;
        seed::insert(client, &self.user, new.clone(), |_| {}).await?;
        self.stored = new.end;
        for index in new {
            self.supply.push(seed::id(&self.user, index)?);
        }
        Ok(())
    }

    /// Sends one request after the other until the time is up, or some user has nothing left
    /// to delete.
    pub(super) async fn work(
        mut self,
        endpoint: Endpoint,
        until: Instant,
        stop: Arc<AtomicBool>,
    ) -> (BusyUser, Tally) {
        let mut tally = Tally::default();
        while Instant::now() < until && !stop.load(Ordering::Relaxed) {
            let Some(request) = self.request(endpoint) else {
                stop.store(true, Ordering::Relaxed);
                break;
            };
            let began = Instant::now();
            match answer(request, endpoint).await {
                Ok(()) => {
                    let latency = began.elapsed().as_micros();
                    tally.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
                }
                Err(error) => {
                    tally.errors += 1;
                    tally.first_error.get_or_insert_with(|| format!("{error:#}"));
                }
            }
        }
        (self, tally)
    }

    /// The next request; `None` if there is nothing left to delete.
    fn request(&mut self, endpoint: Endpoint) -> Option<RequestBuilder> {
        self.sent += 1;
        let number = self.sent;
        let task = match endpoint {
            Endpoint::Delete => self.supply.pop()?,
            _ => *self.tasks.get(number % self.tasks.len())?,
        };
        let (method, path, body) = endpoint.request(task, number);
        Some(self.build(method, &path, body))
    }

    fn build(&self, method: Method, path: &str, body: Option<Value>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.api));
        let request = request.header(AUTHORIZATION, &self.authorization);
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }
}

/// Sends a request and reads the whole reply. An unexpected status is an error.
async fn answer(request: RequestBuilder, endpoint: Endpoint) -> Result<()> {
    let reply = request.send().await?;
    let status = reply.status();
    let body = reply.bytes().await?;
    let status = endpoint.outcome(status, &body);
    if status == endpoint.expected() {
        return Ok(());
    }
    Err(anyhow!("{status}: {}", String::from_utf8_lossy(&body)))
}
