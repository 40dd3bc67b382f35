//! How many requests the local server answers, and how fast.
//!
//! The load is closed loops: each user sends the next request once the reply to
//! the last one is there, over one connection that stays open. Users, gateway,
//! functions and DynamoDB share the processors of this machine.
//!
//! A delete needs a task. Tasks are stored for it past the functions, while
//! nobody asks: users delete until the time is up or the first of them has
//! nothing left, then the clock stands still until all have new ones. So a
//! latency is that of one delete, and the rate that of the time in which all
//! users deleted.

mod endpoint;
mod plot;
mod report;
mod user;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;

use local::settings::Settings;
use local::{Server, seed, tables};

use crate::Progress;

pub use endpoint::Endpoint;
pub use report::{Report, Row, write};
use user::{BusyUser, Tally};

/// How many tasks each user has from the beginning.
const TASKS: u32 = 30;

/// How many of them a list asks for: all pages are full.
const PAGE: u32 = 20;

/// How long each endpoint is asked before it counts: its processes are started
/// and all connections are open then.
const WARM_UP: Duration = Duration::from_secs(1);

/// How many tasks are stored at once to be deleted, and at the least for each
/// user.
const SUPPLY: usize = 2_000;
const LEAST_SUPPLY: usize = 100;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many users there are at once, at least one: one number after the
    /// other.
    pub concurrency: Vec<usize>,
    /// How long each endpoint is measured with each of these numbers.
    pub duration: Duration,
}

/// Measures all endpoints of `server`.
///
/// # Errors
///
/// If the users cannot get their tasks. A reply that is not the expected one is
/// an error in the report.
pub async fn run(
    server: &Server,
    settings: &Settings,
    plan: &Plan,
    progress: Progress<'_>,
) -> Result<Report> {
    progress("storing tasks");
    let most = plan.concurrency.iter().copied().max().unwrap_or_default();
    let mut throughput = Throughput::prepare(server, settings, most).await?;
    let mut report = Report { duration: plan.duration, rows: Vec::new() };
    for endpoint in Endpoint::ALL {
        for concurrency in &plan.concurrency {
            progress(&format!("{}, {concurrency} at once", endpoint.name()));
            report.rows.push(throughput.row(endpoint, *concurrency, plan.duration).await?);
        }
    }
    Ok(report)
}

struct Throughput<'a> {
    server: &'a Server,
    client: Client,
    users: Vec<BusyUser>,
}

impl Throughput<'_> {
    async fn prepare<'a>(
        server: &'a Server,
        settings: &Settings,
        users: usize,
    ) -> Result<Throughput<'a>> {
        let client = tables::client(&server.backend().embedded_url());
        let names: Vec<String> = (1..=users).map(|number| format!("busy-{number}")).collect();
        let lists: Vec<(String, u32)> = names.iter().map(|name| (name.clone(), TASKS)).collect();
        seed::fill_all(&client, settings, &lists, |_| {}).await?;
        let mut throughput = Throughput { server, client, users: Vec::new() };
        for name in &names {
            throughput.users.push(BusyUser::new(&server.url(), settings, name).await?);
        }
        Ok(throughput)
    }

    async fn row(
        &mut self,
        endpoint: Endpoint,
        concurrency: usize,
        duration: Duration,
    ) -> Result<Row> {
        let (warm_up, _) = self.measure(endpoint, concurrency, WARM_UP).await?;
        let (mut tally, time) = self.measure(endpoint, concurrency, duration).await?;
        tally.add_errors(warm_up);
        let processes = self.server.backend().lambda().processes(endpoint.function()).len();
        Ok(Row::new(endpoint, concurrency, tally, time, processes))
    }

    /// Lets users work until they have worked for `duration`, and tells for how
    /// long it was.
    async fn measure(
        &mut self,
        endpoint: Endpoint,
        concurrency: usize,
        duration: Duration,
    ) -> Result<(Tally, Duration)> {
        let (mut tally, mut worked) = (Tally::default(), Duration::ZERO);
        while worked < duration {
            if endpoint == Endpoint::Delete {
                self.supply(concurrency).await?;
            }
            let began = Instant::now();
            tally.add(self.work(endpoint, concurrency, began + duration - worked).await?);
            worked += began.elapsed();
        }
        Ok((tally, worked))
    }

    /// Gives users tasks to delete.
    async fn supply(&mut self, concurrency: usize) -> Result<()> {
        let each = (SUPPLY / concurrency).max(LEAST_SUPPLY);
        for user in self.users.iter_mut().take(concurrency) {
            user.supply(&self.client, each).await?;
        }
        Ok(())
    }

    /// Lets users work, each in a task of its own, until one of them ends.
    async fn work(
        &mut self,
        endpoint: Endpoint,
        concurrency: usize,
        until: Instant,
    ) -> Result<Tally> {
        let stop = Arc::new(AtomicBool::new(false));
        let users = self.users.drain(..concurrency);
        let working: Vec<_> =
            users.map(|user| tokio::spawn(user.work(endpoint, until, stop.clone()))).collect();
        let mut tally = Tally::default();
        for user in working {
            let (user, done) = user.await.context("a user")?;
            tally.add(done);
            self.users.push(user);
        }
        // Those who worked stand behind the others now.
        self.users.rotate_right(concurrency);
        Ok(tally)
    }
}
