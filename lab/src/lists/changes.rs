//! What it costs to follow the changes.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::{Answer, ListClient};
use crate::median;
use local::faults::Usage;

/// The function that is measured.
pub(super) const FUNCTION: &str = "list-changes";

/// How often an idle poll is repeated.
const REPEATS: usize = 25;

/// What one user's devices cost.
#[derive(Clone, Debug)]
pub struct Following {
    /// How many tasks the user has.
    pub tasks: u32,
    /// A new device, which reads all of them.
    pub first: Polls,
    /// A device that finds nothing new: the median.
    pub idle: Polls,
}

/// What one or more polls cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Polls {
    /// Requests to the API.
    pub polls: u64,
    /// Changes in the replies.
    pub changes: usize,
    /// Requests to DynamoDB.
    pub requests: u64,
    /// What they cost, in request units.
    pub units: f64,
    /// The size of the replies' bodies.
    pub bytes: usize,
    /// The function's processor time, in microseconds.
    pub processor: f64,
    /// The time from request to reply, in microseconds.
    pub latency: f64,
}

#[derive(Deserialize)]
struct Page {
    changes: Vec<IgnoredAny>,
    next: String,
    more: bool,
}

/// Measures the devices of a user with `tasks` tasks.
pub(super) async fn measure(
    client: &ListClient<'_>,
    tasks: u32,
    usage: impl Fn() -> Usage,
) -> Result<Following> {
    let mut first = Polls::default();
    let mut token = None;
    loop {
        let (poll, next, more) = poll(client, token.as_deref(), &usage).await?;
        first.add(&poll);
        token = Some(next);
        if !more {
            break;
        }
    }
    ensure!(first.changes == usize::try_from(tasks)?, "{} of {tasks} tasks", first.changes);
    let mut idle = Vec::new();
    for _ in 0..REPEATS {
        let (poll, next, more) = poll(client, token.as_deref(), &usage).await?;
        ensure!(!more && poll.changes == 0, "{} changes, more: {more}", poll.changes);
        idle.push(poll);
        token = Some(next);
    }
    let last = *idle.last().context("a poll")?;
    let median_of = |value: fn(&Polls) -> f64| median(idle.iter().map(value).collect());
    let (processor, latency) = (median_of(|it| it.processor)?, median_of(|it| it.latency)?);
    Ok(Following { tasks, first, idle: Polls { processor, latency, ..last } })
}

async fn poll(
    client: &ListClient<'_>,
    token: Option<&str>,
    usage: impl Fn() -> Usage,
) -> Result<(Polls, String, bool)> {
    let since = token.map(|token| format!("?since={token}")).unwrap_or_default();
    let before = usage();
    let Answer { body, processor, latency, next: _ } =
        client.ask(&format!("/api/changes{since}")).await?;
    let usage = usage() - before;
    let page: Page = serde_json::from_str(&body)?;
    let polls = Polls {
        polls: 1,
        changes: page.changes.len(),
        requests: usage.requests,
        units: usage.units,
        bytes: body.len(),
        processor,
        latency,
    };
    Ok((polls, page.next, page.more))
}

impl Polls {
    fn add(&mut self, other: &Polls) {
        let Polls { polls, changes, requests, units, bytes, processor, latency } = other;
        self.polls += polls;
        self.changes += changes;
        self.requests += requests;
        self.units += units;
        self.bytes += bytes;
        self.processor += processor;
        self.latency += latency;
    }
}
