//! The plot of what lists cost.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::report::human;
use super::{Cell, List, MAX_READ, MAX_READ_MERGED, PAGES, Place, Report};

const SIZE: (u32, u32) = (960, 420);
const MARGIN: u32 = 16;
const SINGLE: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);
const MERGED: RGBColor = RGBColor(0xc2, 0x57, 0x1a);
const LIMIT: RGBColor = RGBColor(0x77, 0x77, 0x77);

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the plot: two panels over the number of tasks.
pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| anyhow!("the plot: {error}");
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    let read = Chart {
        title: "Items read for each task returned",
        top: 2.5,
        targets: &[MAX_READ, MAX_READ_MERGED],
        value: &|cell| Some(cell.read_per_task()),
    };
    let work = Chart {
        title: "The function's own work, times that of a first page, 100 tasks",
        top: 2.5,
        targets: &[1.2],
        value: &|cell| report.ratio(cell, |cell| cell.processor),
    };
    read.draw(&left, report).map_err(|error| failed(&error))?;
    work.draw(&right, report).map_err(|error| failed(&error))?;
    area.present().map_err(|error| failed(&error))
}

struct Chart<'a> {
    title: &'a str,
    top: f64,
    /// Horizontal lines.
    targets: &'a [f64],
    value: &'a dyn Fn(&Cell) -> Option<f64>,
}

impl Chart<'_> {
    fn draw<'a>(
        &self,
        panel: &Panel<'a>,
        report: &Report,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
        let sizes = report.sizes();
        let least = f64::from(sizes.first().copied().unwrap_or(1));
        let most = f64::from(sizes.last().copied().unwrap_or(10));
        let mut chart = ChartBuilder::on(panel)
            .caption(self.title, ("sans-serif", 17))
            .margin(MARGIN)
            .margin_right(2 * MARGIN)
            .x_label_area_size(40)
            .y_label_area_size(40)
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
                LIMIT.stroke_width(1),
            );
            chart.draw_series(line)?;
        }
        for (merged, colour, name) in [
            (false, SINGLE, "one index, pages of 20 and 100"),
            (true, MERGED, "two merged, pages of 20 and 100"),
        ] {
            let mut label = Some(name);
            for list in List::all().filter(|list| list.is_merged() == merged) {
                for page in PAGES {
                    let points = self.points(report, list, page);
                    let series = chart
                        .draw_series(LineSeries::new(points, colour.mix(0.7).stroke_width(1)))?;
                    if let Some(label) = label.take() {
                        series.label(label).legend(move |(x, y)| {
                            PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                        });
                    }
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
