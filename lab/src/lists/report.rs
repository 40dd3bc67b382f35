//! Tables and files of what lists cost.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{Cell, Following, Memory, PAGES, Place, Replies, Search, plot};
use crate::markdown::{human, line, replace_generated};

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Report {
    pub searches: Vec<Search>,
    pub following: Vec<Following>,
    pub cells: Vec<Cell>,
    pub memory: Vec<Memory>,
}

impl Report {
    /// Returns a line for each page that reads more items than it may.
    #[must_use]
    pub fn over_target(&self) -> Vec<String> {
        let cells = self.cells.iter().filter(|cell| cell.is_over_target());
        let line = |cell: &Cell| {
            let (list, tasks, read) = (cell.list.name(), human(cell.tasks), cell.read_per_task());
            format!("{list}, {tasks} tasks, a page of {}: {read:.2}", cell.page)
        };
        cells.map(line).collect()
    }

    /// The numbers of tasks, in ascending order.
    pub(super) fn sizes(&self) -> Vec<u32> {
        let mut sizes: Vec<u32> = self.cells.iter().map(|cell| cell.tasks).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The ratio of `value` to that of the first page of the user with the fewest tasks.
    /// Compares only pages with the same number of tasks; `None` if there is none.
    pub(super) fn ratio(&self, cell: &Cell, value: fn(&Cell) -> f64) -> Option<f64> {
        let least = self.cells.iter().filter(|other| {
            other.list == cell.list
                && other.page == cell.page
                && other.place == Place::First
                && other.returned == cell.returned
        });
        least.min_by_key(|other| other.tasks).map(|least| value(cell) / value(least))
    }

    /// The table of what filtered lists cost, in Markdown.
    #[must_use]
    pub fn filters_table(&self) -> String {
        let mut text = String::new();
        line(
            &mut text,
            "| tasks | list | what matches | first page: tasks | read | requests | request units | function's own work | time | to the end: pages | read | request units, most of a page | time |",
        );
        line(&mut text, "|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        for Search { tasks, list, matches, first, all, most_units } in &self.searches {
            let Replies { returned, read, requests, units, processor, latency, .. } = first;
            let (work, time) = (processor / 1000.0, latency / 1000.0);
            let rest = match all {
                None => "| | |".to_owned(),
                Some(Replies { count, read, units, latency, .. }) => format!(
                    "{count} | {read} | {units}, {most_units} | {:.1} s",
                    latency / 1_000_000.0
                ),
            };
            line(
                &mut text,
                &format!(
                    "| {} | {} | {} | {returned} | {read} | {requests} | {units} | {work:.1} ms | {time:.0} ms | {rest} |",
                    human(*tasks),
                    list.name(),
                    matches.name(),
                ),
            );
        }
        text
    }

    /// The tables of pages and of lists without a limit, in Markdown.
    #[must_use]
    pub fn tables(&self) -> String {
        let mut text = String::new();
        for page in PAGES {
            self.page_table(&mut text, page);
        }
        self.memory_table(&mut text);
        text
    }

    /// The table of what it costs to follow the changes, in Markdown.
    #[must_use]
    pub fn changes_table(&self) -> String {
        let mut text = String::new();
        line(
            &mut text,
            "| tasks | poll | requests | changes | requests to DynamoDB | request units | bytes | function's own work | time |",
        );
        line(&mut text, "|---|---|---|---|---|---|---|---|---|");
        for Following { tasks, first, idle } in &self.following {
            for (name, polls) in [("a new device", first), ("nothing new", idle)] {
                let Replies {
                    count,
                    returned,
                    requests,
                    read: _,
                    units,
                    bytes,
                    processor,
                    latency,
                } = polls;
                let (tasks, changes) =
                    (human(*tasks), human(u32::try_from(*returned).unwrap_or(0)));
                let (work, time) = (processor / 1000.0, latency / 1000.0);
                line(
                    &mut text,
                    &format!(
                        "| {tasks} | {name} | {count} | {changes} | {requests} | {units} | {bytes} | {work:.1} ms | {time:.0} ms |"
                    ),
                );
            }
        }
        text
    }

    fn page_table(&self, text: &mut String, page: usize) {
        let sizes = self.sizes();
        let title = sizes.iter().map(|size| human(*size)).collect::<Vec<_>>().join(" / ");
        line(text, &format!("**A page of {page} behind two fifths of a list of {title} tasks**\n"));
        line(
            text,
            "| status, sort, order | tasks in it | requests | items read per task | request units | bytes | function's own work |",
        );
        line(text, "|---|---|---|---|---|---|---|");
        let first = sizes.first().copied().unwrap_or_default();
        let rows = self
            .cells
            .iter()
            .filter(|cell| cell.page == page && cell.place == Place::Middle && cell.tasks == first);
        for row in rows {
            let of_size = |size: &u32| {
                self.cells.iter().find(|cell| {
                    cell.tasks == *size
                        && cell.list == row.list
                        && cell.page == page
                        && cell.place == Place::Middle
                })
            };
            let cells: Vec<&Cell> = sizes.iter().filter_map(of_size).collect();
            let column = |value: &dyn Fn(&Cell) -> String| {
                cells.iter().map(|cell| value(cell)).collect::<Vec<_>>().join(" / ")
            };
            let work = |cell: &Cell| {
                let ratio = self.ratio(cell, |cell| cell.processor);
                let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("× {ratio:.2}"));
                format!("{:.0} µs {ratio}", cell.processor)
            };
            line(
                text,
                &format!(
                    "| {} | {} | {} | {} | {} | {} | {} |",
                    row.list.name(),
                    column(&|cell| cell.returned.to_string()),
                    column(&|cell| cell.requests.to_string()),
                    column(&|cell| format!("{:.2}", cell.read_per_task())),
                    column(&|cell| cell.units.to_string()),
                    column(&|cell| cell.bytes.to_string()),
                    column(&work),
                ),
            );
        }
        line(text, "");
    }

    fn memory_table(&self, text: &mut String) {
        line(text, "**A list without a limit, as the first request of a process**\n");
        line(
            text,
            "| status, sort, order | tasks | in the reply | its bytes | requests | request units | peak memory | time |",
        );
        line(text, "|---|---|---|---|---|---|---|---|");
        for it in &self.memory {
            line(
                text,
                &format!(
                    "| {} | {} | {} | {} | {} | {} | {:.1} MB | {:.0} ms |",
                    it.list.name(),
                    human(it.tasks),
                    it.returned,
                    it.bytes,
                    it.requests,
                    it.units,
                    it.peak as f64 / 1024.0,
                    it.latency / 1000.0,
                ),
            );
        }
    }

    fn csv(&self) -> String {
        let mut text = String::new();
        line(
            &mut text,
            "status,sort,order,tasks,page,place,returned,requests,request_units,items_read,bytes,\
             processor_us,latency_us",
        );
        for cell in &self.cells {
            line(
                &mut text,
                &format!(
                    "{},{},{},{:?},{},{},{},{},{},{:.0},{:.0}",
                    cell.list.name().replace(' ', ","),
                    cell.tasks,
                    cell.page,
                    cell.place,
                    cell.returned,
                    cell.requests,
                    cell.units,
                    cell.read,
                    cell.bytes,
                    cell.processor,
                    cell.latency,
                ),
            );
        }
        text
    }
}

/// Writes what was measured into `folder`: the tables into `performance.md`, the numbers of
/// the lists as CSV, and a plot of them.
///
/// # Errors
///
/// If the document has no place for the tables, or a file cannot be written.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    let page = folder.join("performance.md");
    if !report.searches.is_empty() {
        replace_generated(&page, "filters", &report.filters_table())?;
    }
    if !report.following.is_empty() {
        replace_generated(&page, "changes", &report.changes_table())?;
    }
    if report.cells.is_empty() {
        return Ok(());
    }
    replace_generated(&page, "lists", &report.tables())?;
    fs::write(folder.join("lists.csv"), report.csv())?;
    plot::write(report, &folder.join("lists.svg"))
}
