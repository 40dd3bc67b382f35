//! The layout and style that all plots share: two panels side by side.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::markdown::human;

const SIZE: (u32, u32) = (960, 420);
const MARGIN: u32 = 16;

pub(crate) const BLUE: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);
pub(crate) const ORANGE: RGBColor = RGBColor(0xc2, 0x57, 0x1a);
pub(crate) const GREEN: RGBColor = RGBColor(0x3d, 0x8b, 0x4f);
pub(crate) const GREY: RGBColor = RGBColor(0x77, 0x77, 0x77);

/// One half of a plot.
pub(crate) type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The result of drawing.
pub(crate) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Writes a plot of two panels to `path`.
///
/// # Errors
///
/// If a panel cannot be drawn, or the file cannot be written.
pub(crate) fn write(
    path: &Path,
    left: impl FnOnce(&Panel<'_>) -> Drawn,
    right: impl FnOnce(&Panel<'_>) -> Drawn,
) -> Result<()> {
    let draw = || {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (left_panel, right_panel) = area.split_horizontally(SIZE.0 / 2);
        left(&left_panel)?;
        right(&right_panel)?;
        area.present()
    };
    draw().map_err(|error| anyhow!("the plot {}: {error}", path.display()))
}

/// A chart with a title that fills `panel`.
pub(crate) fn chart<'a, 'b>(
    panel: &'a Panel<'b>,
    title: &str,
) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(panel);
    chart
        .caption(title, ("sans-serif", 17))
        .margin(MARGIN)
        .margin_right(2 * MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(40);
    chart
}

const COLOURS: [RGBColor; 4] = [BLUE, ORANGE, GREEN, GREY];

/// The share of a group's width that its bars fill.
const BARS: f64 = 0.8;

/// Groups of bars side by side, one bar of each series in each group.
pub(crate) struct Bars {
    /// The names of the groups.
    pub(crate) groups: Vec<String>,
    /// The series: a name, and a value for each group that has one.
    pub(crate) series: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    /// The highest value, at least 1.
    pub(crate) fn most(&self) -> f64 {
        let values = self.series.iter().flat_map(|(_, values)| values);
        values.filter_map(|value| *value).fold(1.0, f64::max)
    }

    /// Draws the bars from `bottom` upwards.
    pub(crate) fn draw<Y>(&self, panel: &Panel<'_>, title: &str, axis: Y, bottom: f64) -> Drawn
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let places = self.groups.len();
        let mut chart = chart(panel, title).build_cartesian_2d(-0.5..places as f64 - 0.5, axis)?;
        let name = |place: &f64| self.groups.get(place.round() as usize).cloned();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_labels(places)
            .x_label_formatter(&|place| name(place).unwrap_or_default())
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        let width = BARS / self.series.len() as f64;
        for (index, ((label, values), colour)) in
            self.series.iter().zip(COLOURS.iter().cycle()).enumerate()
        {
            let bars = values.iter().enumerate().filter_map(|(place, value)| {
                let left = place as f64 - BARS / 2.0 + index as f64 * width;
                let corners = [(left, bottom), (left + width, (*value)?.max(bottom))];
                Some(Rectangle::new(corners, colour.filled()))
            });
            chart
                .draw_series(bars)?
                .label(label)
                .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 12, y + 4)], colour.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE)
            .draw()
    }
}

/// Formats a number on an axis: without decimals, unless it is small.
fn number(value: f64) -> String {
    let is_whole = value >= 10.0 || value.fract() == 0.0;
    if is_whole { human(value.round() as u32) } else { format!("{value:.1}") }
}
