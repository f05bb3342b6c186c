//! Letters and ink: texts are laid out by `parley`, and everything is drawn by `krilla`.
#![allow(clippy::float_arithmetic, reason = "lengths on paper are no money")]

use card_core::text::Language;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use parley::fontique::Blob;
use parley::{
    Alignment, BaseDirection, FontContext, FontFamily, FontWeight, Layout, LayoutContext, LineHeight,
    OverflowWrap, PositionedLayoutItem, StyleProperty,
};
use std::ops::Range;
use std::sync::Arc;

use crate::PaperError;

/// Red, green, blue.
pub(super) type Ink = [u8; 3];

const REGULAR: &[u8] = include_bytes!("../../fonts/Cairo-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/Cairo-Bold.ttf");
/// From line to line, in sizes of letters.
const LEADING: f32 = 1.5;
/// A remark, in sizes of letters.
const SMALLER: f32 = 0.8;
pub(super) const GREY: Ink = [68, 68, 68];

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) ink: Ink,
}

/// A text that was laid out.
pub(super) struct Laid {
    layout: Layout<Ink>,
    text: String,
}

/// Something to draw, from the left and from the top of its piece.
pub(super) enum Mark {
    Text(f32, f32, Box<Laid>),
    Bar(f32, f32, f32, f32, Ink),
}

impl Mark {
    pub(super) const fn bar(x: f32, y: f32, width: f32, height: f32, ink: Ink) -> Self {
        Self::Bar(x, y, width, height, ink)
    }
}

impl Laid {
    pub(super) fn height(&self) -> f32 {
        self.layout.height()
    }

    /// Of the longest line.
    pub(super) fn width(&self) -> f32 {
        self.layout.width()
    }

    pub(super) fn at(self, x: f32, y: f32) -> Mark {
        Mark::Text(x, y, Box::new(self))
    }
}

/// The fonts, and what lays out and draws with them.
pub(super) struct Press {
    fonts: FontContext,
    layouts: LayoutContext<Ink>,
    family: String,
    direction: BaseDirection,
    /// By the number of their data.
    inks: [(u64, Font); 2],
}

impl Press {
    pub(super) fn new(language: Language) -> Result<Self, PaperError> {
        let mut fonts = FontContext::new();
        let mut family = None;
        let mut register = |data: &'static [u8]| {
            let blob = Blob::new(Arc::new(data));
            let id = blob.id();
            let registered = fonts.collection.register_fonts(blob, None);
            family = registered.first().map(|(family, _)| *family).or(family);
            Font::new(data.into(), 0).map(|font| (id, font)).ok_or(PaperError::Pdf)
        };
        let inks = [register(REGULAR)?, register(BOLD)?];
        let family = family.and_then(|family| fonts.collection.family_name(family).map(str::to_owned));
        Ok(Self {
            family: family.ok_or(PaperError::Pdf)?,
            fonts,
            layouts: LayoutContext::new(),
            direction: match language {
                Language::Arabic => BaseDirection::Rtl,
                Language::English => BaseDirection::Ltr,
            },
            inks,
        })
    }

    /// Breaks a text into lines of this width.
    pub(super) fn lay(&mut self, text: &str, style: Style, width: f32, align: Alignment) -> Laid {
        self.lay_noted(text, &[], style, width, align)
    }

    /// The same, with remarks in it that are smaller.
    pub(super) fn lay_noted(
        &mut self,
        text: &str,
        notes: &[Range<usize>],
        style: Style,
        width: f32,
        align: Alignment,
    ) -> Laid {
        let Style { size, bold, ink } = style;
        let mut builder = self.layouts.ranged_builder(&mut self.fonts, text, 1.0, false);
        builder.set_base_direction(self.direction);
        builder.push_default(StyleProperty::Brush(ink));
        builder.push_default(StyleProperty::FontFamily(FontFamily::named(&self.family)));
        builder.push_default(StyleProperty::FontSize(size));
        builder.push_default(StyleProperty::LineHeight(LineHeight::FontSizeRelative(LEADING)));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        if bold {
            builder.push_default(StyleProperty::FontWeight(FontWeight::BOLD));
        }
        for note in notes {
            builder.push(StyleProperty::FontWeight(FontWeight::NORMAL), note.clone());
            builder.push(StyleProperty::FontSize(size * SMALLER), note.clone());
            builder.push(StyleProperty::Brush(GREY), note.clone());
        }
        let mut layout = builder.build(text);
        layout.break_all_lines(Some(width));
        layout.align(align, Default::default());
        Laid { layout, text: text.to_owned() }
    }

    /// Draws a mark of the piece whose corner is at `left` and `top`.
    pub(super) fn draw(
        &self,
        surface: &mut Surface<'_>,
        mark: &Mark,
        left: f32,
        top: f32,
    ) -> Result<(), PaperError> {
        match mark {
            Mark::Bar(x, y, width, height, ink) => {
                surface.set_fill(Some(fill(*ink)));
                let rect = Rect::from_xywh(left + x, top + y, *width, *height).ok_or(PaperError::Pdf)?;
                let mut path = PathBuilder::new();
                path.push_rect(rect);
                surface.draw_path(&path.finish().ok_or(PaperError::Pdf)?);
            }
            Mark::Text(x, y, laid) => self.text(surface, laid, left + x, top + y),
        }
        Ok(())
    }

    fn text(&self, surface: &mut Surface<'_>, laid: &Laid, left: f32, top: f32) {
        for line in laid.layout.lines() {
            for item in line.items() {
                let PositionedLayoutItem::GlyphRun(run) = item else { continue };
                let data = run.run().font().data.id();
                let Some((_, font)) = self.inks.iter().find(|(id, _)| *id == data) else { continue };
                surface.set_fill(Some(fill(run.style().brush)));
                let size = run.run().font_size();
                let mut glyphs: Vec<KrillaGlyph> = Vec::new();
                // What is read from right to left has the letters of a ligature before its glyph, else behind it.
                let mut joined: Option<Range<usize>> = None;
                for cluster in run.run().visual_clusters() {
                    let mut letters = cluster.text_range();
                    if cluster.is_ligature_continuation() {
                        match glyphs.last_mut().filter(|_| !cluster.is_rtl()) {
                            Some(last) => last.text_range.end = letters.end,
                            None => joined = Some(union(joined.take(), letters)),
                        }
                        continue;
                    }
                    letters = union(joined.take(), letters);
                    glyphs.extend(cluster.glyphs().map(|glyph| {
                        let (advance, x, y) = (glyph.advance / size, glyph.x / size, glyph.y / size);
                        KrillaGlyph::new(GlyphId::new(glyph.id), advance, x, y, 0.0, letters.clone(), None)
                    }));
                }
                let begin = Point::from_xy(left + run.offset(), top + run.baseline());
                surface.draw_glyphs(begin, &glyphs, font.clone(), &laid.text, size, false);
            }
        }
    }
}

fn union(before: Option<Range<usize>>, letters: Range<usize>) -> Range<usize> {
    before.map_or(letters.clone(), |before| before.start.min(letters.start)..before.end.max(letters.end))
}

fn fill([red, green, blue]: Ink) -> Fill {
    let paint = krilla::color::rgb::Color::new(red, green, blue).into();
    Fill { paint, opacity: NormalizedF32::ONE, rule: FillRule::default() }
}
