//! What stands on a paper, whatever it is drawn with: a page for a browser (`html`), or a PDF (`pdf`).

use card_core::units::Energy;
use qrcode::{EcLevel, QrCode};
use std::fmt::Display;

use crate::PaperError;
use crate::look::Look;
use crate::statement::{Bracket, MonthRow};
use crate::words::EGP;

/// A piece of a text.
pub(crate) enum Run {
    /// Words in the language of the paper.
    Words(String),
    /// A number, an amount or a date: in one piece, from left to right.
    Number(String),
    /// An identifier: Western digits, in one piece, from left to right.
    Id(String),
    /// Words of somebody else, in a direction of their own.
    Own(String),
    /// A remark, on a line of its own.
    Note(Text),
}

pub(crate) type Text = Vec<Run>;

/// One line: what, and how much.
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) value: Text,
    /// Whether it is what the reader looks for.
    pub(crate) strong: bool,
}

impl Line {
    pub(crate) fn new(what: impl Into<String>, value: Text) -> Self {
        Self { what: what.into(), value, strong: false }
    }

    pub(crate) fn strong(what: impl Into<String>, value: Text) -> Self {
        Self { strong: true, ..Self::new(what, value) }
    }
}

/// A column of a table.
pub(crate) struct Column {
    pub(crate) head: String,
    /// Left out where there is little room.
    pub(crate) wide: bool,
}

/// A table of figures: the first cell of each row says what it is about.
pub(crate) struct Table {
    pub(crate) caption: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Text>>,
}

/// A part of a paper.
pub(crate) enum Block<'a> {
    Heading(&'static str),
    /// Lines, with a heading of their own for those who hear them.
    Lines(&'static str, Vec<Line>),
    /// What to do next.
    Next(&'a str),
    Plain(&'static str),
    Note(&'static str),
    /// The chart of months, which a table follows.
    Chart {
        about: &'static str,
        restart: &'static str,
        months: &'a [MonthRow],
        brackets: &'a [Bracket],
    },
    Table(Table),
    /// A code, with what it says beneath it: a reader may be broken, and ears do not see.
    Proof {
        code: QrCode,
        text: &'a str,
        label: &'static str,
    },
}

/// A paper.
pub(crate) struct Sheet<'a> {
    pub(crate) look: Look,
    pub(crate) title: &'static str,
    pub(crate) under: &'static str,
    pub(crate) blocks: Vec<Block<'a>>,
}

/// The code of a proof.
pub(crate) fn proof<'a>(text: &'a str, label: &'static str) -> Result<Block<'a>, PaperError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(|error| PaperError::Proof(error.to_string()))?;
    Ok(Block::Proof { code, text, label })
}

pub(crate) fn words(text: impl Into<String>) -> Text {
    vec![Run::Words(text.into())]
}

pub(crate) fn identifier(id: impl Display) -> Text {
    vec![Run::Id(id.to_string())]
}

impl Look {
    /// A number, or a text that must not be turned around.
    pub(crate) fn number(&self, number: impl Display) -> Text {
        vec![Run::Number(self.digits(number))]
    }

    /// An amount in EGP.
    pub(crate) fn amount(&self, amount: impl Display) -> Text {
        vec![Run::Number(self.digits(amount)), Run::Words(format!(" {}", EGP.of(self.language)))]
    }

    /// Energy in kWh, without its unit.
    pub(crate) fn kwh(&self, energy: Energy) -> Text {
        self.number(format_args!("{}.{:02}", energy.0 / 100, energy.0 % 100))
    }
}
