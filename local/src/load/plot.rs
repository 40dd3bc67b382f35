//! The plot of what was measured.

use std::path::Path;

use anyhow::Result;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use super::{Endpoint, Report, Row};
use crate::document::human;
use crate::plot::{self, BLUE, Drawn, GREEN, GREY, ORANGE, Panel};

const COLOURS: [RGBColor; 4] = [BLUE, ORANGE, GREEN, GREY];

/// How much of the place of an endpoint its bars take.
const BARS: f64 = 0.8;

/// Where the logarithmic axis begins, in milliseconds.
const LEAST: f64 = 0.1;

/// Writes the plot: two panels over the endpoints, with a bar for each number
/// of users.
pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    let rate = |row: &Row| row.rate;
    let slow = |row: &Row| f64::from(row.p99) / 1000.0;
    let most = |value: fn(&Row) -> f64| report.rows.iter().map(value).fold(1.0, f64::max);
    // The space above is for the legend.
    let rates = 0.0..most(rate) * 1.1;
    let times = (LEAST..most(slow) * 8.0).log_scale();
    plot::write(
        path,
        |panel| draw(panel, report, "Requests per second", rates, 0.0, rate),
        |panel| draw(panel, report, "99th percentile, in milliseconds", times, LEAST, slow),
    )
}

/// Draws a bar from `bottom` to the value of each row.
fn draw<Y>(
    panel: &Panel<'_>,
    report: &Report,
    title: &str,
    axis: Y,
    bottom: f64,
    value: fn(&Row) -> f64,
) -> Drawn
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let places = Endpoint::ALL.len();
    let mut chart =
        plot::chart(panel, title).build_cartesian_2d(-0.5..places as f64 - 0.5, axis)?;
    let name = |place: &f64| Endpoint::ALL.get(place.round() as usize).map(|it| it.name());
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(places)
        .x_label_formatter(&|place| name(place).unwrap_or_default().to_owned())
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    let levels = report.levels();
    let width = BARS / levels.len() as f64;
    for (index, (level, colour)) in levels.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let rows = report.rows.iter().filter(|row| row.concurrency == *level);
        let bars = rows.filter_map(|row| {
            let place = Endpoint::ALL.iter().position(|endpoint| *endpoint == row.endpoint)?;
            let left = place as f64 - BARS / 2.0 + index as f64 * width;
            let corners = [(left, bottom), (left + width, value(row).max(bottom))];
            Some(Rectangle::new(corners, colour.filled()))
        });
        chart
            .draw_series(bars)?
            .label(format!("{level} at once"))
            .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 12, y + 4)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .draw()
}

/// A number at the axis: whole, unless it is small.
fn number(value: f64) -> String {
    if value == 0.0 || value >= 1.0 { human(value.round() as u32) } else { format!("{value:.1}") }
}
