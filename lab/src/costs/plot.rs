//! Plots of the costs.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::memory_sizes::SIZES;
use super::{Instructions, Report, Sizes};
use crate::plot::{self, Bars};

/// The lower ends of the logarithmic axes: millions of instructions, and milliseconds.
const LEAST_INSTRUCTIONS: f64 = 0.1;
const LEAST_TIME: f64 = 0.1;

/// The two requests whose latencies by memory size are plotted.
const DRAWN: [&str; 2] = ["list-tasks, 20 newest", "list-tasks, 1,000 by title"];

/// Writes the plots into `folder`: the instructions of the operations on tasks and, if they
/// were measured, the latencies by memory size.
pub(super) fn write(report: &Report, folder: &Path) -> Result<()> {
    let start = instructions(report, &[("init", |it| it.init), ("first", |it| it.first)]);
    let warm = instructions(report, &[("warm", |it| it.warm)]);
    let start_axis = (LEAST_INSTRUCTIONS..start.most() * 8.0).log_scale();
    let warm_axis = 0.0..warm.most() * 1.1;
    plot::write(
        &folder.join("cost.svg"),
        |panel| start.draw(panel, "Cold: millions of instructions", start_axis, LEAST_INSTRUCTIONS),
        |panel| warm.draw(panel, "Warm: millions of instructions", warm_axis, 0.0),
    )?;
    if report.sizes.is_empty() {
        return Ok(());
    }
    let [left, right] = DRAWN.map(|request| times(report, request));
    let axis = |bars: &Bars| (LEAST_TIME..bars.most() * 8.0).log_scale();
    let (left_axis, right_axis) = (axis(&left), axis(&right));
    let title = |request| format!("{request}: milliseconds, by MB of memory");
    plot::write(
        &folder.join("memory.svg"),
        |panel| left.draw(panel, &title(DRAWN[0]), left_axis, LEAST_TIME),
        |panel| right.draw(panel, &title(DRAWN[1]), right_axis, LEAST_TIME),
    )
}

/// Selects one of the counts.
type Count = fn(&Instructions) -> u64;

fn instructions(report: &Report, series: &[(&str, Count)]) -> Bars {
    // One kind of request for each operation.
    let costs = || {
        report.costs.iter().filter(|cost| {
            cost.request.ends_with("-task") || cost.request == "list-tasks, 20 newest"
        })
    };
    let of_series = |(name, count): &(&str, Count)| {
        let values = costs().map(|cost| Some(count(&cost.instructions?) as f64 / 1e6));
        ((*name).to_owned(), values.collect())
    };
    let name = |request: &str| request.split('-').next().unwrap_or_default().to_owned();
    Bars {
        groups: costs().map(|cost| name(&cost.request)).collect(),
        series: series.iter().map(of_series).collect(),
    }
}

/// Selects one of the latencies.
type Time = fn(&Sizes) -> f64;

fn times(report: &Report, request: &str) -> Bars {
    let series: [(&str, Time); 3] = [
        ("first, without warm-up", |it| it.first_unwarmed),
        ("first, with warm-up", |it| it.first),
        ("warm", |it| it.warm),
    ];
    let of_series = |(name, time): (&str, Time)| {
        let values = SIZES.iter().map(|memory| {
            let mut cells = report.sizes.iter();
            let cell = cells.find(|it| it.request == request && it.memory == *memory);
            cell.map(time)
        });
        (name.to_owned(), values.collect())
    };
    Bars {
        groups: SIZES.iter().map(|memory| memory.to_string()).collect(),
        series: series.map(of_series).into(),
    }
}
