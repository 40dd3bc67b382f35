//! What all plots have in common: two panels side by side, and how they look.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

const SIZE: (u32, u32) = (960, 420);
const MARGIN: u32 = 16;

pub(crate) const BLUE: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);
pub(crate) const ORANGE: RGBColor = RGBColor(0xc2, 0x57, 0x1a);
pub(crate) const GREEN: RGBColor = RGBColor(0x3d, 0x8b, 0x4f);
pub(crate) const GREY: RGBColor = RGBColor(0x77, 0x77, 0x77);

/// A half of a plot.
pub(crate) type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Whether something could be drawn.
pub(crate) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Writes a plot of two panels to `path`.
///
/// # Errors
///
/// If one of them cannot be drawn, or the file not be written.
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

/// A chart that fills `panel`, below its title.
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
