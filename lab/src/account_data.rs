//! What it costs to export, erase and import all that a user has.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local::faults::Usage;
use local::settings::Settings;
use local::{DAY, Server, import, seed, tables, token};
use reqwest::header::{AUTHORIZATION, LINK};
use reqwest::{Client, Method, StatusCode};
use shared::User;
use shared::task::Format;

use crate::Progress;
use crate::markdown::human;

/// The functions that it needs.
pub const FUNCTIONS: [&str; 2] = ["erase-tasks", "export-tasks"];

/// The price of a million read and write request units, in dollars (us-east-1).
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>
const READ_PRICE: f64 = 0.125;
const WRITE_PRICE: f64 = 0.625;

/// What one way through all tasks costs.
#[derive(Debug)]
struct Row {
    tasks: u32,
    what: String,
    /// Requests to the API.
    requests: usize,
    bytes: usize,
    usage: Usage,
    /// Of a million request units, in dollars.
    price: f64,
    time: Duration,
}

/// The result of the measurement. Its [`Display`](fmt::Display) is a Markdown table.
#[derive(Debug)]
pub struct Report(Vec<Row>);

/// Measures it for users with so many tasks.
///
/// # Errors
///
/// If a request fails.
pub async fn measure(
    server: &Server,
    settings: &Settings,
    sizes: &[u32],
    progress: Progress<'_>,
) -> Result<Report> {
    let mut rows = Vec::new();
    for tasks in sizes {
        let name = format!("account-{tasks}");
        let measurement = Measurement {
            server,
            http: Client::builder().no_proxy().build()?,
            authorization: format!("Bearer {}", token::sign(settings, None, &name, DAY)?),
            user: token::user(settings, &name).await?,
            tasks: *tasks,
        };
        progress(&format!("storing {tasks} tasks"));
        let client = tables::client(&server.backend().embedded_url());
        seed::fill(&client, &measurement.user, *tasks, |_| {}).await?;
        let mut file = String::new();
        for format in [Format::Ics, Format::Csv, Format::Json] {
            progress(&format!("exporting {tasks} tasks as {}", format.as_str()));
            let path = format!("/api/export?format={}", format.as_str());
            let what = format!("export, {}", format.as_str());
            let row = measurement.follow(Method::GET, &path, &what, READ_PRICE, &mut file).await?;
            rows.push(row);
        }
        progress(&format!("erasing {tasks} tasks"));
        let path = format!("/api/account-data?confirm={name}");
        let mut replies = String::new();
        let row = measurement.follow(Method::DELETE, &path, "erasure", WRITE_PRICE, &mut replies);
        rows.push(row.await?);
        progress(&format!("importing {tasks} tasks"));
        rows.push(measurement.import(&file).await?);
    }
    Ok(Report(rows))
}

struct Measurement<'a> {
    server: &'a Server,
    http: Client,
    authorization: String,
    user: User,
    tasks: u32,
}

impl Measurement<'_> {
    /// Follows the links from `path` on, and leaves the replies in `text`.
    async fn follow(
        &self,
        method: Method,
        path: &str,
        what: &str,
        price: f64,
        text: &mut String,
    ) -> Result<Row> {
        let proxy = self.server.backend().proxy().context("the server has a proxy")?;
        let (before, began) = (proxy.usage(), Instant::now());
        text.clear();
        let (mut requests, mut next) = (0, Some(path.to_owned()));
        while let Some(path) = next {
            let url = format!("{}{path}", self.server.url());
            let request = self.http.request(method.clone(), url);
            let reply = request.header(AUTHORIZATION, &self.authorization).send().await?;
            let known = [StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NO_CONTENT];
            ensure!(known.contains(&reply.status()), "{path}: {}", reply.status());
            next = reply.headers().get(LINK).and_then(|link| {
                let link = link.to_str().ok()?;
                Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned())
            });
            requests += 1;
            text.push_str(&reply.text().await?);
        }
        let (usage, time) = (proxy.usage() - before, began.elapsed());
        let (tasks, what, bytes) = (self.tasks, what.to_owned(), text.len());
        Ok(Row { tasks, what, requests, bytes, usage, price, time })
    }

    /// Imports a file of JSON, as the command does.
    async fn import(&self, file: &str) -> Result<Row> {
        let proxy = self.server.backend().proxy().context("the server has a proxy")?;
        let entries = import::read(file, Format::Json, self.user.id())?;
        let tasks: Vec<_> = entries.into_iter().filter_map(|entry| entry.task.ok()).collect();
        ensure!(tasks.len() == usize::try_from(self.tasks)?, "{} tasks in the file", tasks.len());
        let store = tables::store(tables::client(proxy.url()));
        let (before, began) = (proxy.usage(), Instant::now());
        let totals = import::import(&store, &self.user, tasks, |_| {}).await?;
        ensure!(totals.stored == usize::try_from(self.tasks)?, "{totals}");
        let (usage, time) = (proxy.usage() - before, began.elapsed());
        let (tasks, what, bytes) = (self.tasks, "import, json".to_owned(), file.len());
        Ok(Row { tasks, what, requests: 0, bytes, usage, price: WRITE_PRICE, time })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| tasks | | requests | bytes | DynamoDB: requests, units | price | time |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for Row { tasks, what, requests, bytes, usage, price, time } in &self.0 {
            let Usage { requests: to_dynamodb, units, .. } = usage;
            let (tasks, dollars) = (human(*tasks), units * price / 1_000_000.0);
            let (kilobytes, time) = (bytes / 1000, time.as_secs_f64());
            writeln!(
                f,
                "| {tasks} | {what} | {requests} | {kilobytes} KB | {to_dynamodb}, {units} | \
                 ${dollars:.5} | {time:.1} s |"
            )?;
        }
        Ok(())
    }
}
