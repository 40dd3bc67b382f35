//! Measures the lists.

use std::time::Duration;

use anyhow::{Context, Result};
use shared::store::Tasks;
use shared::task::{ListQuery, MAX_LIMIT};

use local::dynamodb::EmbeddedDynamoDb;
use local::faults::{FaultProxy, Usage};
use local::settings::Settings;
use local::{Server, dynamodb, seed as seeds, tables, token};

use super::client::ListClient;
use super::{Cell, List, Memory, PAGES, Place, Report, changes, filters, user};
use crate::{Progress, median};

/// The function that lists.
const FUNCTION: &str = "list-tasks";

/// The functions that are measured.
pub const FUNCTIONS: [&str; 2] = [FUNCTION, changes::FUNCTION];

/// How often each page is requested.
const REPEATS: usize = 25;

/// Stores the tasks of the users: one user for each of `sizes`.
///
/// # Errors
///
/// If DynamoDB cannot be reached.
pub async fn seed(
    data: &dynamodb::Data,
    settings: &Settings,
    sizes: &[u32],
    progress: impl Fn(u64),
) -> Result<()> {
    let embedded = EmbeddedDynamoDb::start(0, data)?;
    let client = tables::client(&embedded.url());
    tables::create(&client, &settings.template()?.tables).await?;
    let lists: Vec<(String, u32)> = sizes.iter().map(|tasks| (user(*tasks), *tasks)).collect();
    seeds::fill_all(&client, settings, &lists, progress).await
}

/// A table of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Table {
    /// Pages of each list, and lists without a limit.
    Lists,
    /// What a device takes to follow the changes.
    Changes,
    /// Filtered lists.
    Filters,
}

/// Measures `tables` on `server`, whose users have `sizes` tasks.
///
/// # Errors
///
/// If a reply is not the expected one.
pub async fn measure(
    server: &Server,
    settings: &Settings,
    sizes: &[u32],
    tables: &[Table],
    progress: Progress<'_>,
) -> Result<Report> {
    let mut lists = Lists { server, client: reqwest::Client::new(), users: Vec::new() };
    for tasks in sizes {
        let name = user(*tasks);
        let token = token::sign(settings, None, &name, Duration::from_secs(86_400))?;
        lists.users.push((*tasks, token::user(settings, &name).await?, token));
    }
    let mut report = Report::default();
    for (tasks, _, token) in &lists.users {
        let client = lists.list_client(token);
        if tables.contains(&Table::Filters) {
            progress(&format!("filters: {tasks} tasks"));
            report.searches.extend(filters::measure(&client, *tasks, || lists.usage()).await?);
        }
        if tables.contains(&Table::Changes) {
            progress(&format!("changes: {tasks} tasks"));
            let client = ListClient { function: changes::FUNCTION, ..client };
            report.following.push(changes::measure(&client, *tasks, || lists.usage()).await?);
        }
    }
    if tables.contains(&Table::Lists) {
        for list in List::all() {
            progress(&format!("memory: {}", list.name()));
            report.memory.extend(lists.memory(list).await?);
        }
        for list in List::all() {
            progress(&format!("pages: {}", list.name()));
            report.cells.extend(lists.cells(list).await?);
        }
    }
    Ok(report)
}

struct Lists<'a> {
    server: &'a Server,
    client: reqwest::Client,
    users: Vec<(u32, shared::User, String)>,
}

impl Lists<'_> {
    fn list_client<'a>(&'a self, token: &'a str) -> ListClient<'a> {
        ListClient { function: FUNCTION, server: self.server, client: &self.client, token }
    }

    fn usage(&self) -> Usage {
        self.server.backend().proxy().map(FaultProxy::usage).unwrap_or_default()
    }

    /// Measures the pages of one list. Users take turns, so that other load on this machine
    /// affects all of them alike.
    async fn cells(&self, list: List) -> Result<Vec<Cell>> {
        let mut cells = Vec::new();
        for page in PAGES {
            let mut turns = Vec::new();
            for (tasks, user, token) in &self.users {
                let store = tables::store(tables::client(&self.server.backend().embedded_url()));
                let middle = middle(&store.tasks(user), list, *tasks).await?;
                for (place, query) in [(Place::First, list.query()), (Place::Middle, middle)] {
                    let query = ListQuery { limit: Some(page), ..query };
                    turns.push((*tasks, token, place, query, Vec::new()));
                }
            }
            for _ in 0..REPEATS {
                for (_, token, _, query, samples) in &mut turns {
                    let before = self.usage();
                    let answer = self.list_client(token).ask(&path(query)).await?;
                    samples.push((answer, self.usage() - before));
                }
            }
            for (tasks, _, place, _, samples) in turns {
                let (answer, usage) = samples.last().context("a sample")?;
                let median_of = |value: fn(&super::client::Answer) -> f64| {
                    median(samples.iter().map(|(answer, _)| value(answer)).collect())
                };
                cells.push(Cell {
                    list,
                    tasks,
                    page,
                    place,
                    requests: usage.requests as f64,
                    units: usage.units,
                    read: usage.items as f64,
                    returned: count(&answer.body)?,
                    bytes: answer.body.len(),
                    processor: median_of(|answer| answer.processor)?,
                    latency: median_of(|answer| answer.latency)?,
                });
            }
        }
        Ok(cells)
    }

    /// Measures a list without a limit as the first request of a process.
    async fn memory(&self, list: List) -> Result<Vec<Memory>> {
        let mut peaks = Vec::new();
        for (tasks, _, token) in &self.users {
            self.server.backend().lambda().stop_processes(FUNCTION).await;
            let list_client = self.list_client(token);
            let before = self.usage();
            let answer = list_client.ask(&path(&list.query())).await?;
            let usage = self.usage() - before;
            let returned = count(&answer.body)?;
            let is_whole = u32::try_from(returned)? == list.length(*tasks);
            anyhow::ensure!(
                is_whole == answer.next.is_none(),
                "{returned} tasks of {}",
                list.name()
            );
            peaks.push(Memory {
                list,
                tasks: *tasks,
                peak: list_client.peak_memory()?,
                requests: usage.requests,
                units: usage.units,
                bytes: answer.body.len(),
                returned,
                latency: answer.latency,
            });
        }
        Ok(peaks)
    }
}

/// The query for the page after two fifths of the list. (After half of it, where the dated
/// tasks end, the page would be a special case.)
async fn middle(store: &Tasks<'_>, list: List, tasks: u32) -> Result<ListQuery> {
    let mut left = usize::try_from(list.length(tasks) * 2 / 5)?;
    let mut query = list.query();
    while left > 0 {
        let limit = left.min(MAX_LIMIT);
        let next = store.list(&ListQuery { limit: Some(limit), ..query }, |_| true).await?;
        query = next.context("a list that goes on")?;
        left -= limit;
    }
    Ok(query)
}

fn path(query: &ListQuery) -> String {
    format!("/api/tasks?{}", shared::http::query_string(query))
}

/// How many tasks are in a page.
pub(super) fn count(page: &str) -> Result<usize> {
    Ok(serde_json::from_str::<Vec<serde::de::IgnoredAny>>(page)?.len())
}
