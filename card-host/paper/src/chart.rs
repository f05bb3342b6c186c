//! The chart of months: a bar for each, and a line at each bound of a bracket that the months come near.

use card_core::text::Language;
use plotters::prelude::*;

use crate::PaperError;
use crate::look::Look;
use crate::statement::{Bracket, MonthRow};

/// In pixels.
pub(crate) const SIZE: (u32, u32) = (720, 300);
/// Bars, by the bracket that the month reached: dark enough beside white, and told apart without colours by the lines.
const BARS: [RGBColor; 4] =
    [RGBColor(11, 83, 148), RGBColor(19, 79, 92), RGBColor(116, 27, 71), RGBColor(127, 63, 0)];
const BOUND: RGBColor = RGBColor(89, 89, 89);
const RESTART: RGBColor = RGBColor(166, 28, 0);

/// An SVG element. `months` are the newest first; a page that runs from right to left is read with the oldest on the right.
pub(crate) fn svg(months: &[MonthRow], brackets: &[Bracket], look: &Look) -> Result<String, PaperError> {
    let mut svg = String::new();
    draw(SVGBackend::with_string(&mut svg, SIZE), months, brackets, look)
        .map_err(|error| PaperError::Chart(error.to_string()))?;
    Ok(svg.find("<svg").and_then(|begin| svg.get(begin..)).unwrap_or_default().to_owned())
}

/// The same, with whatever draws.
pub(crate) fn draw<D: DrawingBackend>(
    onto: D,
    months: &[MonthRow],
    brackets: &[Bracket],
    look: &Look,
) -> Result<(), Box<dyn std::error::Error>>
where
    D::ErrorType: 'static,
{
    let mut months: Vec<_> = months.iter().collect();
    if look.language == Language::English {
        months.reverse();
    }
    let most = months.iter().map(|month| month.energy.0.div_ceil(100)).max().unwrap_or(0).max(10);
    // The next bound above is seen too: how far it is is what people ask.
    let next = brackets.iter().map(|bracket| bracket.bound).find(|bound| *bound >= most);
    let top = next.unwrap_or(most).max(most);
    let top = top.saturating_add(top / 8);
    let last = u32::try_from(months.len()).unwrap_or(u32::MAX).saturating_sub(1);
    let name = |place: &u32| {
        let index = months.get(usize::try_from(*place).unwrap_or(usize::MAX)).map(|month| month.index);
        index.map_or_else(String::new, |index| {
            let (month, year) = (index % 12, u32::from(index / 12).saturating_add(20));
            look.digits(format_args!("{:02}/{year}", month.saturating_add(1)))
        })
    };
    let area = onto.into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(26)
        .y_label_area_size(48)
        .build_cartesian_2d((0..last).into_segmented(), 0..top)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(12)
        .x_label_formatter(&|place| match place {
            SegmentValue::CenterOf(place) | SegmentValue::Exact(place) => name(place),
            SegmentValue::Last => String::new(),
        })
        .y_label_formatter(&|kwh| look.digits(kwh))
        .label_style(("sans-serif", 13))
        .draw()?;
    let bars = (0..=last).zip(&months).map(|(place, month)| {
        let colour = BARS.get(usize::from(month.bracket.saturating_sub(1) / 2)).unwrap_or(&BARS[3]);
        let end =
            if place == last { SegmentValue::Last } else { SegmentValue::Exact(place.saturating_add(1)) };
        let corners = [(SegmentValue::Exact(place), 0), (end, month.energy.0.div_ceil(100))];
        let mut bar = Rectangle::new(corners, colour.filled());
        bar.set_margin(0, 0, 3, 3);
        bar
    });
    chart.draw_series(bars)?;
    for bracket in brackets.iter().filter(|bracket| bracket.bound <= top) {
        let style = if bracket.restart { RESTART.stroke_width(2) } else { BOUND.stroke_width(1) };
        let ends = [SegmentValue::Exact(0), SegmentValue::Last];
        chart.draw_series(LineSeries::new(ends.map(|place| (place, bracket.bound)), style))?;
    }
    drop(chart);
    area.present()?;
    drop(area);
    Ok(())
}
