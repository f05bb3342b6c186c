//! The chart of months on a PDF: drawn by `plotters` as everywhere, onto marks.
#![allow(clippy::float_arithmetic, reason = "lengths on paper are no money")]

use parley::Alignment;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use std::cell::RefCell;
use std::convert::Infallible;

use super::press::{Mark, Press, Style};
use crate::PaperError;
use crate::chart;
use crate::look::Look;
use crate::statement::{Bracket, MonthRow};

/// Height and marks of the chart, as wide as this.
pub(super) fn draw(
    months: &[MonthRow],
    brackets: &[Bracket],
    look: &Look,
    width: f32,
    press: &mut Press,
) -> Result<(f32, Vec<Mark>), PaperError> {
    let (wide, high) = chart::SIZE;
    let scale = width / wide as f32;
    let marks = RefCell::new(Vec::new());
    chart::draw(Drawn { marks: &marks }, months, brackets, look)
        .map_err(|error| PaperError::Chart(error.to_string()))?;
    let mut marks = marks.into_inner().into_iter().map(|raw| raw.mark(scale, press)).collect::<Vec<_>>();
    marks
        .retain(|mark| !matches!(mark, Mark::Bar(_, _, width, height, _) if *width <= 0.0 || *height <= 0.0));
    Ok((high as f32 * scale, marks))
}

/// In pixels of the chart.
enum Raw {
    Bar { from: BackendCoord, to: BackendCoord, width: f32, ink: [u8; 3] },
    Text { text: String, at: BackendCoord, size: f32, across: HPos, down: VPos, ink: [u8; 3] },
}

impl Raw {
    fn mark(self, scale: f32, press: &mut Press) -> Mark {
        match self {
            Self::Bar { from, to, width, ink } => {
                let (left, right) = (from.0.min(to.0) as f32, from.0.max(to.0) as f32);
                let (top, bottom) = (from.1.min(to.1) as f32, from.1.max(to.1) as f32);
                let half = width / 2.0;
                // Lines are level or upright: as wide as their stroke in the other direction.
                Mark::bar(
                    (left - half) * scale,
                    (top - half) * scale,
                    (right - left + width) * scale,
                    (bottom - top + width) * scale,
                    ink,
                )
            }
            Self::Text { text, at, size, across, down, ink } => {
                let style = Style { size: size * scale, bold: false, ink };
                let laid = press.lay(&format!("\u{2066}{text}\u{2069}"), style, f32::MAX, Alignment::Left);
                let x = match across {
                    HPos::Left => 0.0,
                    HPos::Center => laid.width() / 2.0,
                    HPos::Right => laid.width(),
                };
                let y = match down {
                    VPos::Top => 0.0,
                    VPos::Center => laid.height() / 2.0,
                    VPos::Bottom => laid.height(),
                };
                laid.at(at.0 as f32 * scale - x, at.1 as f32 * scale - y)
            }
        }
    }
}

/// What `plotters` draws.
struct Drawn<'a> {
    marks: &'a RefCell<Vec<Raw>>,
}

impl Drawn<'_> {
    fn add(&self, mark: Raw) {
        if let Ok(mut marks) = self.marks.try_borrow_mut() {
            marks.push(mark);
        }
    }
}

type Drew = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Drawn<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        chart::SIZE
    }

    fn ensure_prepared(&mut self) -> Drew {
        Ok(())
    }

    fn present(&mut self) -> Drew {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drew {
        self.add(Raw::Bar { from: at, to: at, width: 1.0, ink: colour.rgb.into() });
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drew {
        self.add(Raw::Bar { from, to, width: style.stroke_width() as f32, ink: style.color().rgb.into() });
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        _: bool,
    ) -> Drew {
        self.add(Raw::Bar { from, to, width: 0.0, ink: style.color().rgb.into() });
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drew {
        let mut before = None;
        for at in path {
            if let Some(from) = before.replace(at) {
                self.draw_line(from, at, style)?;
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drew {
        let anchor = style.anchor();
        self.add(Raw::Text {
            text: text.to_owned(),
            at,
            size: style.size() as f32,
            across: anchor.h_pos,
            down: anchor.v_pos,
            ink: style.color().rgb.into(),
        });
        Ok(())
    }
}
