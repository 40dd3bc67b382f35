//! Tables and files of the costs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Cost, Instructions, Sizes, measured_requests, plot};
use crate::markdown::{line, replace_generated};

/// The file in `docs/` that holds the costs of the last report.
const EARLIER: &str = "cost.json";

/// The price of a gigabyte-second (arm64, the first tier, us-east-1).
/// <https://aws.amazon.com/lambda/pricing/>
const DOLLARS_PER_GIGABYTE_SECOND: f64 = 0.000_013_333_4;

/// The assumed latency of DynamoDB within a region, in milliseconds. That of the emulator is
/// lower.
const DYNAMODB_MS: f64 = 5.0;

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// For each request.
    pub costs: Vec<Cost>,
    /// For each memory size; may be empty.
    pub sizes: Vec<Sizes>,
    /// The costs of the last report.
    earlier: Vec<Cost>,
}

impl Report {
    /// A report that compares `costs` with those in `folder`.
    ///
    /// # Errors
    ///
    /// If the costs in `folder` cannot be parsed.
    pub fn new(costs: Vec<Cost>, sizes: Vec<Sizes>, folder: &Path) -> Result<Report> {
        let path = folder.join(EARLIER);
        let earlier = match fs::read(&path) {
            Ok(json) => {
                serde_json::from_slice(&json).with_context(|| path.display().to_string())?
            }
            Err(_) => Vec::new(),
        };
        Ok(Report { costs, sizes, earlier })
    }

    /// This report, with the last one's costs of what was not measured again.
    fn completed(&self) -> Report {
        let find = |costs: &[Cost], name| costs.iter().find(|it| it.request == name).cloned();
        let costs = measured_requests()
            .into_iter()
            .filter_map(|it| find(&self.costs, it.name).or_else(|| find(&self.earlier, it.name)));
        Report { costs: costs.collect(), ..self.clone() }
    }

    /// The costs as a Markdown table.
    #[must_use]
    pub fn cost_table(&self) -> String {
        let mut text = String::new();
        line(
            &mut text,
            "| request | binary (zipped) | init | first | warm | init, first without warm-up | CPU ms init, first, warm | peak memory | threads | DynamoDB: requests, units |",
        );
        line(&mut text, "|---|---|---|---|---|---|---|---|---|---|");
        for cost in &self.costs {
            line(&mut text, &row(cost));
        }
        text
    }

    /// The differences from the last report, one line for each request that has any.
    #[must_use]
    pub fn changes(&self) -> String {
        let mut text = String::new();
        for cost in &self.costs {
            let earlier = self.earlier.iter().find(|earlier| earlier.request == cost.request);
            let Some(earlier) = earlier else { continue };
            let mut changes = vec![change("size", earlier.size, cost.size)];
            if let (Some(before), Some(after)) = (earlier.instructions, cost.instructions) {
                changes.extend(
                    values(before)
                        .zip(values(after))
                        .map(|((name, before), (_, after))| change(name, before, after)),
                );
            }
            let changes: Vec<String> = changes.into_iter().flatten().collect();
            if !changes.is_empty() {
                line(&mut text, &format!("{}: {}", cost.request, changes.join(", ")));
            }
        }
        text
    }

    /// The latencies by memory size as a Markdown table.
    #[must_use]
    pub fn size_table(&self) -> String {
        let mut text = String::new();
        line(
            &mut text,
            "| request | memory | first, with warm-up | first, without | warm | a million warm ones, by duration |",
        );
        line(&mut text, "|---|---|---|---|---|---|");
        for cell in &self.sizes {
            let dollars = dollars_per_million(cell);
            line(
                &mut text,
                &format!(
                    "| {} | {} MB | {:.1} ms | {:.1} ms | {:.1} ms | ${dollars:.2} |",
                    cell.request, cell.memory, cell.first, cell.first_unwarmed, cell.warm,
                ),
            );
        }
        text
    }
}

/// What the duration of a million warm requests costs: the wait for DynamoDB and the
/// function's own time, rounded up to milliseconds.
fn dollars_per_million(cell: &Sizes) -> f64 {
    let gigabytes = f64::from(cell.memory) / 1024.0;
    let seconds = (cell.warm + DYNAMODB_MS).ceil() / 1e3;
    1e6 * seconds * gigabytes * DOLLARS_PER_GIGABYTE_SECOND
}

fn row(cost: &Cost) -> String {
    let native = cost.native;
    let counts = match cost.instructions {
        None => "– | – | – | –".to_owned(),
        Some(it) => format!(
            "{} | {} | {} | {}, {}",
            instructions(it.init),
            instructions(it.first),
            instructions(it.warm),
            instructions(it.init_unwarmed),
            instructions(it.first_unwarmed),
        ),
    };
    format!(
        "| {} | {:.2} MB ({:.2}) | {counts} | {:.2}, {:.2}, {:.2} | {:.1} MB | {} | {}, {} |",
        cost.request,
        cost.size as f64 / 1e6,
        cost.zipped as f64 / 1e6,
        native.init_cpu_ms,
        native.first_cpu_ms,
        native.warm_cpu_ms,
        native.peak_memory as f64 / 1024.0,
        native.threads,
        native.calls,
        native.units,
    )
}

/// A number of instructions, in thousands or millions.
fn instructions(count: u64) -> String {
    if count < 1_000_000 {
        format!("{} K", (count + 500) / 1000)
    } else {
        format!("{:.2} M", count as f64 / 1e6)
    }
}

fn values(it: Instructions) -> impl Iterator<Item = (&'static str, u64)> {
    [("init", it.init), ("first", it.first), ("warm", it.warm)].into_iter()
}

/// The change in percent, if it is worth reporting.
fn change(name: &str, before: u64, after: u64) -> Option<String> {
    let percent = 100.0 * (after as f64 / before as f64 - 1.0);
    (percent.abs() >= 0.5).then(|| format!("{name} {percent:+.1} %"))
}

/// Writes the report into `folder`: the tables into `performance.md`, the costs as JSON for
/// the next comparison, and the plots. What was not measured stays as it was.
///
/// # Errors
///
/// If the document has no place for the tables, or a file cannot be written.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    let report = &report.completed();
    let document = folder.join("performance.md");
    replace_generated(&document, "cost", &report.cost_table())?;
    let json = serde_json::to_string_pretty(&report.costs)?;
    fs::write(folder.join(EARLIER), json + "\n")?;
    if !report.sizes.is_empty() {
        replace_generated(&document, "memory", &report.size_table())?;
    }
    plot::write(report, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_changes_are_rounded() {
        assert_eq!(instructions(796_794), "797 K");
        assert_eq!(instructions(3_690_000), "3.69 M");
        assert_eq!(change("warm", 1000, 1100).as_deref(), Some("warm +10.0 %"));
        assert_eq!(change("warm", 1000, 1001), None);
    }

    #[test]
    fn duration_is_charged_in_whole_milliseconds() {
        let cell =
            Sizes { request: "get-task", memory: 1024, first: 0.0, first_unwarmed: 0.0, warm: 0.2 };
        assert!((dollars_per_million(&cell) - 0.080_000_4).abs() < 1e-9);
    }
}
