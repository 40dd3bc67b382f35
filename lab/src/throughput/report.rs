//! Table and files of throughput and latency.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::user::Tally;
use super::{Endpoint, plot};
use crate::markdown::{human, line, replace_generated};

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// How long each row was measured.
    pub duration: Duration,
    /// One for each endpoint and number of users.
    pub rows: Vec<Row>,
}

/// An endpoint under the load of some users.
#[derive(Clone, Debug)]
pub struct Row {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The number of concurrent users.
    pub concurrency: usize,
    /// Replies per second with the expected status.
    pub rate: f64,
    /// Their median latency, in microseconds.
    pub p50: u32,
    /// The 99th percentile of their latency, in microseconds.
    pub p99: u32,
    /// Their highest latency, in microseconds.
    pub max: u32,
    /// The number of unexpected replies and failed requests, including the warm-up.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
    /// How many processes the function had in the end.
    pub processes: usize,
}

impl Row {
    pub(super) fn new(
        endpoint: Endpoint,
        concurrency: usize,
        tally: Tally,
        time: Duration,
        processes: usize,
    ) -> Row {
        let mut latencies = tally.latencies;
        latencies.sort_unstable();
        Row {
            endpoint,
            concurrency,
            rate: latencies.len() as f64 / time.as_secs_f64(),
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            max: percentile(&latencies, 100),
            errors: tally.errors,
            first_error: tally.first_error,
            processes,
        }
    }

    fn text(&self) -> String {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.endpoint.name(),
            self.concurrency,
            human(self.rate.round() as u32),
            milliseconds(self.p50),
            milliseconds(self.p99),
            milliseconds(self.max),
            self.errors,
            self.processes,
        )
    }
}

impl Report {
    /// Returns a line for each row with errors.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let line = |row: &Row| {
            let first = row.first_error.as_ref()?;
            let (name, concurrency) = (row.endpoint.name(), row.concurrency);
            Some(format!("{name}, {concurrency} at once: {} errors, first {first}", row.errors))
        };
        self.rows.iter().filter_map(line).collect()
    }

    /// The numbers of users, in the order of the rows.
    pub(super) fn levels(&self) -> Vec<usize> {
        let mut levels = Vec::new();
        for row in &self.rows {
            if !levels.contains(&row.concurrency) {
                levels.push(row.concurrency);
            }
        }
        levels
    }

    /// The rows as a Markdown table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let heading = format!(
            "**{processors} processors for users, gateway, functions and DynamoDB; {} s for each row**\n",
            self.duration.as_secs(),
        );
        line(&mut text, &heading);
        line(
            &mut text,
            "| endpoint | users at once | requests/s | p50 ms | p99 ms | max ms | errors | processes |",
        );
        line(&mut text, "|---|---|---|---|---|---|---|---|");
        self.rows.iter().for_each(|row| line(&mut text, &row.text()));
        text
    }
}

/// Writes the report into `folder`: the table into `performance.md`, and a plot.
///
/// # Errors
///
/// If the document has no place for the table, or a file cannot be written.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    let plot = "![Requests per second and 99th percentile of each endpoint](throughput.svg)";
    let text = format!("{plot}\n\n{}", report.table());
    replace_generated(&folder.join("performance.md"), "throughput", &text)?;
    plot::write(report, &folder.join("throughput.svg"))
}

/// The percentile by the nearest-rank method; 0 if there are no values.
pub(crate) fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Microseconds as milliseconds.
pub(crate) fn milliseconds(microseconds: u32) -> String {
    format!("{:.2}", f64::from(microseconds) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u32> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), 100);
        assert_eq!(percentile(&values, 99), 198);
        assert_eq!(percentile(&values, 100), 200);
        assert_eq!(percentile(&[15, 20, 35, 40, 50], 50), 35);
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!(percentile(&[], 99), 0);
    }

    fn row(tally: Tally) -> Row {
        Row::new(Endpoint::List, 10, tally, Duration::from_secs(2), 8)
    }

    #[test]
    fn a_row_shows_rate_and_latencies() {
        let tally = Tally { latencies: (1..=5_000).rev().collect(), ..Tally::default() };
        assert_eq!(row(tally).text(), "| list | 10 | 2,500 | 2.50 | 4.95 | 5.00 | 0 | 8 |");
    }

    #[test]
    fn only_rows_with_errors_are_reported() {
        let mut failed =
            Tally { errors: 2, first_error: Some("503: busy".into()), ..Tally::default() };
        failed.add(Tally { errors: 1, first_error: Some("500: later".into()), ..Tally::default() });
        let rows = vec![row(Tally::default()), row(failed)];
        let report = Report { duration: Duration::from_secs(2), rows };
        assert_eq!(report.errors(), ["list, 10 at once: 3 errors, first 503: busy"]);
    }
}
