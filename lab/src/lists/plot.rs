//! Plots of what lists cost.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{Cell, List, MAX_READ, PAGES, Place, Report};
use crate::markdown::human;
use crate::plot::{self, BLUE, Drawn, GREY, ORANGE, Panel};

/// Writes the plot: two panels, both with the number of tasks on the x-axis.
pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    let read = Chart {
        title: "Items read for each task returned",
        top: 2.5,
        targets: &[MAX_READ],
        value: &|cell| Some(cell.read_per_task()),
    };
    let work = Chart {
        title: "The function's own work, times that of a first page, 100 tasks",
        top: 2.5,
        targets: &[1.2],
        value: &|cell| report.ratio(cell, |cell| cell.processor),
    };
    plot::write(path, |panel| read.draw(panel, report), |panel| work.draw(panel, report))
}

struct Chart<'a> {
    title: &'a str,
    top: f64,
    /// Drawn as horizontal lines.
    targets: &'a [f64],
    value: &'a dyn Fn(&Cell) -> Option<f64>,
}

impl Chart<'_> {
    fn draw(&self, panel: &Panel<'_>, report: &Report) -> Drawn {
        let sizes = report.sizes();
        let least = f64::from(sizes.first().copied().unwrap_or(1));
        let most = f64::from(sizes.last().copied().unwrap_or(10));
        let mut chart = plot::chart(panel, self.title)
            .build_cartesian_2d((least..most).log_scale(), 0.0..self.top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_desc("tasks of the user")
            .x_label_formatter(&|tasks| human(*tasks as u32))
            .y_label_formatter(&|value| format!("{value:.1}"))
            .draw()?;
        for target in self.targets {
            let line = DashedLineSeries::new(
                [(least, *target), (most, *target)],
                4,
                4,
                GREY.stroke_width(1),
            );
            chart.draw_series(line)?;
        }
        for (page, colour) in PAGES.into_iter().zip([BLUE, ORANGE]) {
            let mut label = Some(format!("pages of {page}"));
            for list in List::all() {
                let points = self.points(report, list, page);
                let series =
                    chart.draw_series(LineSeries::new(points, colour.mix(0.7).stroke_width(1)))?;
                if let Some(label) = label.take() {
                    series.label(label).legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                    });
                }
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .background_style(WHITE)
            .draw()
    }

    /// The values of the pages from the middle of a list.
    fn points(&self, report: &Report, list: List, page: usize) -> Vec<(f64, f64)> {
        let cells = report
            .cells
            .iter()
            .filter(|cell| cell.list == list && cell.page == page && cell.place == Place::Middle);
        cells
            .filter_map(|cell| (self.value)(cell).map(|value| (f64::from(cell.tasks), value)))
            .collect()
    }
}
