//! The throughput and latency of the local server.
//!
//! The load is a closed loop: each user sends the next request after the reply to the last
//! one, over one connection that stays open. Users, gateway, functions and DynamoDB share
//! the processors of this machine.
//!
//! Each delete needs a task. Users delete until the time is up or the first of them has no
//! tasks left. Then the clock stops while new tasks are stored, bypassing the functions. So
//! latencies are those of deletes alone, and the rate only counts the time in which all
//! users deleted.

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

pub use crate::endpoint::Endpoint;
pub use report::{Report, Row, write};
pub(crate) use report::{milliseconds, percentile};
use user::{BusyUser, Tally};

/// How many tasks each user has at the start.
const TASKS: u32 = 30;

/// How long each endpoint gets requests before it is measured. Afterwards all processes have
/// started and all connections are open.
const WARM_UP: Duration = Duration::from_secs(1);

/// How many tasks are stored at a time for deletes: in total, and at least for each user.
const SUPPLY: usize = 2_000;
const LEAST_SUPPLY: usize = 100;

/// The parameters of the measurement.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The numbers of concurrent users to measure with, each at least 1.
    pub concurrency: Vec<usize>,
    /// How long to measure each endpoint with each number of users.
    pub duration: Duration,
}

/// Measures all endpoints of `server`.
///
/// # Errors
///
/// If the users' tasks cannot be stored. An unexpected reply is not an error here; the
/// report counts it.
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

    /// Lets users send requests until they have worked for `duration`. Returns how long they
    /// have worked.
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

    /// Stores tasks for users to delete.
    async fn supply(&mut self, concurrency: usize) -> Result<()> {
        let each = (SUPPLY / concurrency).max(LEAST_SUPPLY);
        for user in self.users.iter_mut().take(concurrency) {
            user.supply(&self.client, each).await?;
        }
        Ok(())
    }

    /// Lets users send requests, each in a task of its own, until the time is up or one of
    /// them has nothing left to delete.
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
        // Restores the order: those who worked are now at the end.
        self.users.rotate_right(concurrency);
        Ok(tally)
    }
}
