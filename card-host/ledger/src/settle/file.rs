//! Files of settlement: ours, and those of channels, whose columns are data.

use card_core::units::Piastres;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use super::Settlement;
use crate::error::LedgerError;

/// What a channel's file looks like: a table with one line for each sale, and names of columns in the first line. Data of each channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// The column with the id of the request.
    pub request: String,
    /// The column with the amount.
    pub amount: String,
    /// What the amount is in.
    pub unit: Unit,
    /// What stands between columns.
    pub separator: char,
    /// So many lines stand before the names of the columns.
    pub skip: u32,
    /// What stands between thousands of an amount: `,` in `1,250.00`.
    pub thousands: Option<char>,
    /// Only these lines count: those that succeeded. None: all.
    pub only: Option<Where>,
    /// These lines are money that was given back. None: where the amount is below zero.
    pub given_back: Option<Where>,
}

/// A column whose value says what a line is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// The column.
    pub column: String,
    /// Its values.
    pub is: Vec<String>,
}

/// What amounts are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Whole piastres.
    Piastres,
    /// Pounds with at most two decimals.
    Egp,
}

impl Default for Columns {
    /// Those of our own settlement files.
    fn default() -> Self {
        Self {
            request: "request".to_owned(),
            amount: "amount".to_owned(),
            unit: Unit::Piastres,
            separator: ',',
            skip: 0,
            thousands: None,
            only: None,
            given_back: None,
        }
    }
}

/// Why a settlement was not made or compared.
#[derive(Debug, thiserror::Error)]
pub enum SettlementError {
    /// The books.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file.
    #[error("the file cannot be read or written: {0}: see that it is there, and that this user may use it")]
    Io(#[from] std::io::Error),
    /// The description of the columns.
    #[error("these are no columns: {0}: see docs/ledger.md, section 14")]
    Columns(String),
    /// A column that is named is not there.
    #[error("the file has no column {0:?}: it has {1}; see the description of its columns")]
    NoColumn(String, String),
    /// It is no table.
    #[error("the file is no table: {0}: see its separator")]
    Table(String),
}

impl From<csv::Error> for SettlementError {
    fn from(error: csv::Error) -> Self {
        Self::Table(error.to_string())
    }
}

impl Columns {
    /// Reads them from JSON; what is not named is as in our own files.
    pub fn from_json(text: &str) -> Result<Self, SettlementError> {
        let columns: Self =
            serde_json::from_str(text).map_err(|error| SettlementError::Columns(error.to_string()))?;
        if !columns.separator.is_ascii() {
            return Err(SettlementError::Columns("`separator` is one ASCII character".to_owned()));
        }
        Ok(columns)
    }
}

/// A channel's file, read.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    /// By request: what it moved, in piastres, and its first line.
    pub(super) requests: BTreeMap<String, (i64, u64)>,
    /// Lines that could not be read, and why.
    pub(super) unreadable: Vec<(u64, String)>,
    /// Lines that do not count.
    pub(super) left_out: u64,
}

pub(super) fn theirs(columns: &Columns, file: &mut dyn BufRead) -> Result<Theirs, SettlementError> {
    for _ in 0..columns.skip {
        file.skip_until(b'\n')?;
    }
    let separator = u8::try_from(columns.separator)
        .map_err(|_| SettlementError::Columns("`separator` is one ASCII character".to_owned()))?;
    let mut table =
        csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::All).flexible(true).from_reader(file);
    let names = table.headers()?.clone();
    let place = |name: &str| {
        let place = names.iter().position(|there| there.eq_ignore_ascii_case(name));
        let all = names.iter().collect::<Vec<_>>().join(", ");
        place.ok_or_else(|| SettlementError::NoColumn(name.to_owned(), all))
    };
    let (request, amount) = (place(&columns.request)?, place(&columns.amount)?);
    let find = |of: &Option<Where>| of.as_ref().map(|of| place(&of.column)).transpose();
    let (only, given_back) = (find(&columns.only)?, find(&columns.given_back)?);
    let mut read = Theirs::default();
    for record in table.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line).saturating_add(columns.skip.into());
        let is = |place: Option<usize>, of: &Option<Where>| {
            let value = place.and_then(|place| record.get(place));
            let of = of.as_ref();
            of.zip(value).is_some_and(|(of, value)| of.is.iter().any(|is| is.eq_ignore_ascii_case(value)))
        };
        if only.is_some() && !is(only, &columns.only) {
            read.left_out = read.left_out.saturating_add(1);
            continue;
        }
        let id = record.get(request).filter(|id| !id.is_empty());
        let moved = record.get(amount).and_then(|text| columns.amount_of(text));
        let (Some(id), Some(moved)) = (id, moved) else {
            read.unreadable.push((line, "it has no request, or no amount that can be read".to_owned()));
            continue;
        };
        let moved =
            if is(given_back, &columns.given_back) { moved.saturating_abs().saturating_neg() } else { moved };
        let (sum, _) = read.requests.entry(id.to_owned()).or_insert((0, line));
        *sum = sum.saturating_add(moved);
    }
    Ok(read)
}

impl Columns {
    /// An amount in piastres, below zero where a sign says so.
    fn amount_of(&self, text: &str) -> Option<i64> {
        let plain: String = text.chars().filter(|c| Some(*c) != self.thousands).collect();
        let (below, digits) =
            plain.strip_prefix('-').map_or((false, plain.as_str()), |digits| (true, digits));
        let amount = match self.unit {
            Unit::Egp => Piastres::from_egp(digits).ok()?.0,
            Unit::Piastres if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Unit::Piastres => return None,
        };
        let amount = i64::try_from(amount).ok()?;
        Some(if below { amount.saturating_neg() } else { amount })
    }
}

/// Writes the settlement file of a day: what is handed to the channel. It names no customer, card or meter.
pub fn write_settlement(settlement: &Settlement, to: &mut dyn Write) -> Result<(), SettlementError> {
    let mut table = csv::Writer::from_writer(to);
    table.write_record(["request", "point", "number", "time", "amount", "commission"])?;
    for (request, line) in &settlement.lines {
        table.write_record([
            request.as_str(),
            line.point.as_str(),
            &line.number.to_string(),
            &line.time.to_string(),
            &line.amount.to_string(),
            &line.commission.to_string(),
        ])?;
    }
    table.flush()?;
    Ok(())
}
