//! What it costs to follow the changes.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Replies;
use super::client::ListClient;
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
    pub first: Replies,
    /// A device that finds nothing new: the median.
    pub idle: Replies,
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
    let mut first = Replies::default();
    let mut token = None;
    loop {
        let (poll, next, more) = poll(client, token.as_deref(), &usage).await?;
        first.add(&poll);
        token = Some(next);
        if !more {
            break;
        }
    }
    ensure!(first.returned == usize::try_from(tasks)?, "{} of {tasks} tasks", first.returned);
    let mut idle = Vec::new();
    for _ in 0..REPEATS {
        let (poll, next, more) = poll(client, token.as_deref(), &usage).await?;
        ensure!(!more && poll.returned == 0, "{} changes, more: {more}", poll.returned);
        idle.push(poll);
        token = Some(next);
    }
    let last = *idle.last().context("a poll")?;
    let median_of = |value: fn(&Replies) -> f64| median(idle.iter().map(value).collect());
    let (processor, latency) = (median_of(|it| it.processor)?, median_of(|it| it.latency)?);
    Ok(Following { tasks, first, idle: Replies { processor, latency, ..last } })
}

async fn poll(
    client: &ListClient<'_>,
    token: Option<&str>,
    usage: impl Fn() -> Usage,
) -> Result<(Replies, String, bool)> {
    let since = token.map(|token| format!("?since={token}")).unwrap_or_default();
    let before = usage();
    let answer = client.ask(&format!("/api/changes{since}")).await?;
    let usage = usage() - before;
    let page: Page = serde_json::from_str(&answer.body)?;
    let polls = Replies::one(&answer, page.changes.len(), &usage);
    Ok((polls, page.next, page.more))
}
