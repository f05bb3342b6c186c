//! A paper as a PDF, on A4 or on a roll of 80 mm. `parley` shapes and orders the text (Arabic joins, and runs from right to left),
//! `krilla` writes the file; the fonts are those in `fonts`.
#![allow(clippy::float_arithmetic, reason = "lengths on paper are no money")]

mod bars;
mod press;

use card_core::text::Language;
use krilla::Document;
use krilla::metadata::{Metadata, TextDirection};
use krilla::page::PageSettings;
use parley::Alignment;
use qrcode::QrCode;
use std::ops::Range;

use self::press::{GREY, Ink, Laid, Mark, Press, Style};
use crate::PaperError;
use crate::look::{Format, Look};
use crate::sheet::{Block, Line, Run, Sheet, Table, Text};

/// Points, 72 to the inch: width, height where it is given, the margin, the size of the letters.
struct Measures {
    width: f32,
    height: Option<f32>,
    margin: f32,
    size: f32,
}

impl Format {
    const fn measures(self) -> Measures {
        match self {
            Self::A4 => Measures { width: 595.28, height: Some(841.89), margin: 42.0, size: 10.5 },
            Self::Roll => Measures { width: 226.77, height: None, margin: 11.0, size: 8.0 },
        }
    }
}

/// Height of a code.
const CODE: f32 = 120.0;
/// Lengths of a roll that printers take, in points.
const LONGEST: f32 = 14_000.0;

const BLACK: Ink = [26, 26, 26];
const RULE: Ink = [208, 208, 208];
const BLUE: Ink = [11, 83, 148];
const RED: Ink = [166, 28, 0];

/// What is not parted by the end of a sheet. Marks count from its top.
#[derive(Default)]
struct Piece {
    height: f32,
    marks: Vec<Mark>,
    /// Nothing without the piece after it.
    leads: bool,
}

/// A paper in the making.
struct Making {
    press: Press,
    look: Look,
    format: Format,
    /// Between the margins.
    width: f32,
    size: f32,
    pieces: Vec<Piece>,
}

impl Sheet<'_> {
    /// The file.
    pub(crate) fn pdf(&self, format: Format) -> Result<Vec<u8>, PaperError> {
        let Measures { width, margin, size, .. } = format.measures();
        let press = Press::new(self.look.language)?;
        let mut making =
            Making { press, look: self.look, format, width: width - 2.0 * margin, size, pieces: Vec::new() };
        making.head(self.title, self.under);
        for block in &self.blocks {
            making.block(block)?;
        }
        making.write(self.title)
    }
}

impl Making {
    fn rtl(&self) -> bool {
        self.look.language == Language::Arabic
    }

    /// From the side where a line begins, the left edge of something so wide.
    fn left_of(&self, begin: f32, width: f32) -> f32 {
        if self.rtl() { self.width - begin - width } else { begin }
    }

    fn piece(&mut self, height: f32, marks: Vec<Mark>) {
        self.pieces.push(Piece { height, marks, leads: false });
    }

    /// A text over the whole width.
    fn words(&mut self, text: &str, style: Style, above: f32) {
        let laid = self.press.lay(text, style, self.width, Alignment::Start);
        self.piece(laid.height() + above, vec![laid.at(0.0, above)]);
    }

    fn head(&mut self, title: &str, under: &str) {
        let (size, width) = (self.size, self.width);
        self.words(title, Style { size: size * 1.6, bold: true, ink: BLACK }, 0.0);
        self.words(under, Style { size, bold: false, ink: GREY }, 0.0);
        self.piece(size, vec![Mark::bar(0.0, 2.0, width, 2.0, BLUE)]);
    }

    fn block(&mut self, block: &Block<'_>) -> Result<(), PaperError> {
        let (size, plain) = (self.size, Style { size: self.size, bold: false, ink: BLACK });
        match block {
            Block::Heading(words) => {
                self.words(words, Style { size: size * 1.15, bold: true, ink: BLACK }, size);
                if let Some(piece) = self.pieces.last_mut() {
                    piece.leads = true;
                }
            }
            Block::Lines(_, lines) => lines.iter().for_each(|line| self.line(line)),
            Block::Next(words) => {
                let laid = self.press.lay(words, plain, self.width - size, Alignment::Start);
                let (height, x) = (laid.height(), self.left_of(size, self.width - size));
                let bar = Mark::bar(self.left_of(0.0, 3.0), 0.0, 3.0, height, BLUE);
                self.piece(height + size / 2.0, vec![bar, laid.at(x, 0.0)]);
            }
            Block::Plain(words) => self.words(words, plain, 0.0),
            Block::Note(words) => {
                self.words(words, Style { ink: GREY, size: size * 0.9, ..plain }, size / 2.0)
            }
            Block::Chart { about, restart, months, brackets } => {
                let (height, marks) = bars::draw(months, brackets, &self.look, self.width, &mut self.press)?;
                self.piece(height, marks);
                let note = Style { size: size * 0.85, bold: false, ink: GREY };
                self.words(about, note, 0.0);
                if brackets.iter().any(|bracket| bracket.restart) {
                    self.words(restart, Style { ink: RED, ..note }, 0.0);
                }
            }
            Block::Table(table) => self.table(table),
            Block::Proof { code, text, label } => self.proof(code, text, label),
        }
        Ok(())
    }

    fn cell(&mut self, text: &[Run], style: Style, width: f32, align: Alignment) -> Laid {
        let (text, notes) = plain(text);
        self.press.lay_noted(&text, &notes, style, width, align)
    }

    /// What at the side where a line begins, and how much at the other.
    fn line(&mut self, line: &Line) {
        let size = if line.strong { self.size * 1.15 } else { self.size };
        let style = Style { size, bold: line.strong, ink: BLACK };
        let (gap, half) = (4.0, self.width / 2.0);
        let what = self.press.lay(&isolated(&line.what), style, half - gap, Alignment::Start);
        let value = self.cell(&line.value, style, half, Alignment::End);
        let height = what.height().max(value.height()) + size / 3.0;
        let marks = vec![
            what.at(self.left_of(0.0, half - gap), 0.0),
            value.at(self.left_of(half, half), 0.0),
            Mark::bar(0.0, height - 1.5, self.width, 0.5, RULE),
        ];
        self.piece(height, marks);
    }

    fn table(&mut self, table: &Table) {
        let shown: Vec<usize> = (0..)
            .zip(&table.columns)
            .filter_map(|(place, column)| (self.format == Format::A4 || !column.wide).then_some(place))
            .collect();
        let head =
            table.columns.iter().map(|column| vec![Run::Words(column.head.clone())]).collect::<Vec<_>>();
        self.row(&head, &shown, true);
        if let Some(piece) = self.pieces.last_mut() {
            piece.leads = true;
        }
        for row in &table.rows {
            self.row(row, &shown, false);
        }
    }

    fn row(&mut self, cells: &[Text], shown: &[usize], bold: bool) {
        let style = Style { size: self.size * 0.95, bold, ink: BLACK };
        // The first column says what a row is about, and is wider.
        let share = self.width / (shown.len() as f32 + 0.8);
        let (mut begin, mut height, mut marks) = (0.0, 0.0_f32, Vec::new());
        for (place, cell) in shown.iter().filter_map(|place| cells.get(*place)).enumerate() {
            let width = if place == 0 { share * 1.8 } else { share };
            let align = if place == 0 { Alignment::Start } else { Alignment::End };
            let laid = self.cell(cell, style, width - 4.0, align);
            height = height.max(laid.height());
            marks.push(laid.at(self.left_of(begin + 2.0, width - 4.0), 0.0));
            begin += width;
        }
        height += self.size / 3.0;
        marks.push(Mark::bar(0.0, height - 1.5, self.width, 0.5, RULE));
        self.piece(height, marks);
    }

    fn proof(&mut self, code: &QrCode, text: &str, label: &str) {
        let (modules, top) = (code.width(), self.size);
        let side = CODE / modules as f32;
        let left = (self.width - CODE) / 2.0;
        let dark =
            code.to_colors().into_iter().enumerate().filter(|(_, colour)| *colour == qrcode::Color::Dark);
        let mut marks: Vec<Mark> = dark
            .map(|(place, _)| {
                let (x, y) = ((place % modules) as f32 * side, (place / modules) as f32 * side);
                // A hair wider, so that no white lines are seen between them.
                Mark::bar(left + x, top + y, side + 0.05, side + 0.05, [0, 0, 0])
            })
            .collect();
        let note = Style { size: self.size * 0.85, bold: false, ink: GREY };
        let mut height = top + CODE + self.size / 2.0;
        for words in [label, &isolated(text)] {
            let laid = self.press.lay(words, note, self.width, Alignment::Center);
            let below = laid.height();
            marks.push(laid.at(0.0, height));
            height += below;
        }
        self.piece(height, marks);
    }

    fn write(self, title: &str) -> Result<Vec<u8>, PaperError> {
        let Measures { width, height, margin, .. } = self.format.measures();
        let all: f32 = self.pieces.iter().map(|piece| piece.height).sum();
        let height = height.unwrap_or_else(|| (all + 2.0 * margin).min(LONGEST));
        let direction = if self.rtl() { TextDirection::RightToLeft } else { TextDirection::LeftToRight };
        let mut document = Document::new();
        document.set_metadata(
            Metadata::new()
                .title(title.to_owned())
                .language(self.look.language.code().to_owned())
                .text_direction(direction),
        );
        let Self { press, pieces, .. } = self;
        let mut pieces = pieces.into_iter().peekable();
        while pieces.peek().is_some() {
            let settings = PageSettings::from_wh(width, height).ok_or(PaperError::Pdf)?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            let (mut y, mut first) = (margin, true);
            while let Some(piece) = pieces.peek() {
                // A heading alone at the end of a sheet leads to nothing.
                let room = piece.height + if piece.leads { 5.0 * margin } else { 0.0 };
                if !first && y + room > height - margin {
                    break;
                }
                let Some(piece) = pieces.next() else { break };
                for mark in &piece.marks {
                    press.draw(&mut surface, mark, margin, y)?;
                }
                (y, first) = (y + piece.height, false);
            }
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|_| PaperError::Pdf)
    }
}

/// In one piece, whatever its direction.
fn isolated(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// A text in the order in which it is read, with marks of direction, and where its remarks are.
fn plain(text: &[Run]) -> (String, Vec<Range<usize>>) {
    let (mut all, mut notes) = (String::new(), Vec::new());
    for run in text {
        match run {
            Run::Words(words) => all.push_str(words),
            Run::Number(number) | Run::Id(number) => {
                all.push('\u{2066}');
                all.push_str(number);
                all.push('\u{2069}');
            }
            Run::Own(words) => all.push_str(&isolated(words)),
            Run::Note(note) => {
                if !all.is_empty() {
                    all.push('\n');
                }
                let begin = all.len();
                all.push_str(&plain(note).0);
                notes.push(begin..all.len());
            }
        }
    }
    (all, notes)
}
