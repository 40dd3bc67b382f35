//! Plots of throughput and latency.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{Endpoint, Report, Row};
use crate::plot::{self, Bars};

/// The lower end of the logarithmic axis, in milliseconds.
const LEAST: f64 = 0.1;

/// Writes the plot: two panels with a group of bars for each endpoint, and a bar for each
/// number of users.
pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    let rates = bars(report, |row| row.rate);
    let slow = bars(report, |row| f64::from(row.p99) / 1000.0);
    // Leaves space above the bars for the legend.
    let rate_axis = 0.0..rates.most() * 1.1;
    let slow_axis = (LEAST..slow.most() * 8.0).log_scale();
    plot::write(
        path,
        |panel| rates.draw(panel, "Requests per second", rate_axis, 0.0),
        |panel| slow.draw(panel, "99th percentile, in milliseconds", slow_axis, LEAST),
    )
}

fn bars(report: &Report, value: fn(&Row) -> f64) -> Bars {
    let of_level = |level: usize| {
        let values = Endpoint::ALL.iter().map(|endpoint| {
            let mut rows = report.rows.iter();
            let row = rows.find(|row| row.concurrency == level && row.endpoint == *endpoint);
            row.map(value)
        });
        (format!("{level} at once"), values.collect())
    };
    Bars {
        groups: Endpoint::ALL.iter().map(|endpoint| endpoint.name().to_owned()).collect(),
        series: report.levels().into_iter().map(of_level).collect(),
    }
}
