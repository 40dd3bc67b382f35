//! What a batch saves: the same tasks created one by one, some at a time, and in one
//! request.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use local::faults::Usage;
use local::settings::Settings;
use local::{DAY, Server, token};
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, IF_NONE_MATCH};
use serde_json::{Value, json};
use shared::task::{MAX_OPERATIONS, TaskId};

use crate::{Progress, median};

/// The functions that it needs.
pub const FUNCTIONS: [&str; 2] = ["batch-tasks", "update-task"];

/// How many requests a frontend sends at a time.
const AT_A_TIME: usize = 6;

/// A way to create many tasks.
#[derive(Clone, Copy, Debug)]
enum Way {
    OneByOne,
    SomeAtATime,
    Batch,
}

/// What a way costs for [`MAX_OPERATIONS`] tasks.
#[derive(Debug)]
struct Row {
    way: Way,
    requests: usize,
    /// The median of the rounds.
    time: Duration,
    /// What DynamoDB was asked and charged, on average.
    dynamodb_requests: f64,
    units: f64,
}

/// The result of the measurement. Its [`Display`](fmt::Display) is a Markdown table.
#[derive(Debug)]
pub struct Report(Vec<Row>);

/// Measures each way `rounds` times, by turns.
///
/// # Errors
///
/// If a create fails.
pub async fn measure(
    server: &Server,
    settings: &Settings,
    rounds: usize,
    progress: Progress<'_>,
) -> Result<Report> {
    let measurement = Measurement {
        server,
        http: Client::builder().no_proxy().build()?,
        authorization: format!("Bearer {}", token::sign(settings, None, "batches", DAY)?),
    };
    let ways = [Way::OneByOne, Way::SomeAtATime, Way::Batch];
    let mut times = ways.map(|_| Vec::new());
    let mut usages = ways.map(|_| Usage::default());
    // In the first round, processes start and connections open.
    for round in 0..=rounds {
        progress(&format!("round {round} of {rounds}"));
        for ((way, times), usage) in ways.into_iter().zip(&mut times).zip(&mut usages) {
            let (time, used) = measurement.create_all(way).await?;
            if round > 0 {
                times.push(time.as_secs_f64());
                *usage = *usage + used;
            }
        }
    }
    let rows = ways.into_iter().zip(times).zip(usages).map(|((way, times), usage)| {
        Ok(Row {
            way,
            requests: way.requests(),
            time: Duration::from_secs_f64(median(times)?),
            dynamodb_requests: usage.requests as f64 / rounds as f64,
            units: usage.units / rounds as f64,
        })
    });
    rows.collect::<Result<_>>().map(Report)
}

struct Measurement<'a> {
    server: &'a Server,
    http: Client,
    authorization: String,
}

impl Measurement<'_> {
    async fn create_all(&self, way: Way) -> Result<(Duration, Usage)> {
        let proxy = self.server.backend().proxy().context("the server has a proxy")?;
        let (before, began) = (proxy.usage(), Instant::now());
        match way {
            Way::OneByOne => self.create_alone(1).await?,
            Way::SomeAtATime => self.create_alone(AT_A_TIME).await?,
            Way::Batch => self.create_in_a_batch().await?,
        }
        Ok((began.elapsed(), proxy.usage() - before))
    }

    async fn create_alone(&self, at_a_time: usize) -> Result<()> {
        let creates = (0..MAX_OPERATIONS).map(async |number| {
            let url = format!("{}/api/tasks/{}", self.server.url(), TaskId::new());
            let request = self.http.put(url).header(AUTHORIZATION, &self.authorization);
            let request = request.header(IF_NONE_MATCH, "*").json(&task(number));
            let reply = request.send().await?;
            ensure!(reply.status() == 201, "the status is {}", reply.status());
            reply.bytes().await?;
            Ok(())
        });
        stream::iter(creates).buffer_unordered(at_a_time).try_collect().await
    }

    async fn create_in_a_batch(&self) -> Result<()> {
        let operations: Vec<Value> = (0..MAX_OPERATIONS)
            .map(|number| json!({"op": "create", "id": TaskId::new(), "task": task(number)}))
            .collect();
        let url = format!("{}/api/batch", self.server.url());
        let request = self.http.post(url).header(AUTHORIZATION, &self.authorization);
        let reply = request.json(&json!({ "operations": operations })).send().await?;
        let reply: Value = reply.error_for_status()?.json().await?;
        let results = reply["results"].as_array().context("results")?;
        ensure!(results.iter().all(|result| result["status"] == 201), "a create failed");
        Ok(())
    }
}

fn task(number: usize) -> Value {
    json!({"title": format!("Buy milk {number}"), "due_date": "2027-02-10"})
}

impl Way {
    fn requests(self) -> usize {
        match self {
            Way::OneByOne | Way::SomeAtATime => MAX_OPERATIONS,
            Way::Batch => 1,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::OneByOne => f.write_str("one request after the other"),
            Way::SomeAtATime => write!(f, "{AT_A_TIME} requests at a time"),
            Way::Batch => f.write_str("one batch"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {MAX_OPERATIONS} creates | requests | time | DynamoDB: requests, units |")?;
        writeln!(f, "|---|---|---|---|")?;
        for Row { way, requests, time, dynamodb_requests, units } in &self.0 {
            let millis = time.as_secs_f64() * 1000.0;
            writeln!(f, "| {way} | {requests} | {millis:.0} ms | {dynamodb_requests}, {units} |")?;
        }
        Ok(())
    }
}
