//! What came back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::markdown::{human, line};
use crate::throughput::{milliseconds, percentile};

use super::http::Reply;

/// The replies of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The latencies of complete replies with the expected status, in microseconds.
    latencies: Vec<u32>,
    /// How many replies had each status, and how many requests got none.
    replies: BTreeMap<String, u32>,
}

impl Tally {
    pub(super) fn record(&mut self, endpoint: Endpoint, latency: Duration, reply: Option<&Reply>) {
        let status = reply.map(|reply| endpoint.outcome(reply.status, &reply.body));
        if status == Some(endpoint.expected()) {
            let latency = u32::try_from(latency.as_micros());
            self.latencies.push(latency.unwrap_or(u32::MAX));
        }
        let what = status.map_or("no reply".to_owned(), |status| status.as_u16().to_string());
        *self.replies.entry(what).or_default() += 1;
    }

    pub(super) fn add(&mut self, mut other: Tally) {
        self.latencies.append(&mut other.latencies);
        for (what, count) in other.replies {
            *self.replies.entry(what).or_default() += count;
        }
    }
}

/// An endpoint under the load.
#[derive(Clone, Debug)]
pub struct Row {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How many requests had each status as their reply, or `no reply`.
    pub replies: BTreeMap<String, u32>,
    /// Replies per second with the expected status.
    rate: f64,
    /// Their median, 99th percentile and highest latency, in microseconds.
    latencies: [u32; 3],
}

impl Row {
    pub(super) fn new(endpoint: Endpoint, tally: Tally, time: Duration) -> Row {
        let Tally { mut latencies, replies } = tally;
        latencies.sort_unstable();
        let rate = latencies.len() as f64 / time.as_secs_f64();
        let latencies = [50, 99, 100].map(|percent| percentile(&latencies, percent));
        Row { endpoint, replies, rate, latencies }
    }

    fn requests(&self) -> u32 {
        self.replies.values().sum()
    }

    fn text(&self) -> String {
        let replies: Vec<String> = self
            .replies
            .iter()
            .map(|(what, count)| format!("{} × {what}", human(*count)))
            .collect();
        let [p50, p99, max] = self.latencies.map(milliseconds);
        let name = self.endpoint.name();
        format!("| {name} | {:.1} | {p50} | {p99} | {max} | {} |", self.rate, replies.join(", "))
    }
}

/// What became of a load.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) url: String,
    pub(super) concurrency: usize,
    pub(super) time: Duration,
    /// One for each endpoint.
    pub rows: Vec<Row>,
    /// Whether it was interrupted.
    pub was_stopped: bool,
    /// For each user with tasks that could not be deleted, what is left.
    pub left: Vec<String>,
}

impl Report {
    /// How many requests were sent, without the one before and those that cleaned up.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.rows.iter().map(Row::requests).sum()
    }

    /// The rows as a Markdown table, without those that an interruption has left empty.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let heading = format!(
            "**{}: {} requests in {:.1} s, {} at once**\n",
            self.url,
            human(self.requests()),
            self.time.as_secs_f64(),
            self.concurrency,
        );
        line(&mut text, &heading);
        line(&mut text, "| endpoint | requests/s | p50 ms | p99 ms | max ms | replies |");
        line(&mut text, "|---|---|---|---|---|---|");
        let asked = self.rows.iter().filter(|row| row.requests() > 0);
        asked.for_each(|row| line(&mut text, &row.text()));
        text
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn only_expected_replies_count_for_rate_and_latency() {
        let mut tally = Tally::default();
        let mut record = |status, millis| {
            let reply = Reply { status, body: "".into() };
            tally.record(Endpoint::Create, Duration::from_millis(millis), Some(&reply));
        };
        (1..=100).for_each(|millis| record(StatusCode::CREATED, millis));
        record(StatusCode::TOO_MANY_REQUESTS, 5_000);
        record(StatusCode::OK, 5_000);
        tally.record(Endpoint::Create, Duration::from_secs(15), None);
        let row = Row::new(Endpoint::Create, tally, Duration::from_secs(8));
        assert_eq!(row.requests(), 103);
        let expected = "| create | 12.5 | 50.00 | 99.00 | 100.00 | \
                        1 × 200, 100 × 201, 1 × 429, 1 × no reply |";
        assert_eq!(row.text(), expected);
    }
}
