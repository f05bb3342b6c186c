//! What channels have taken, hand over, and take back.

use card_core::calendar::Calendar;
use card_core::units::{CardTime, Piastres};
use card_host::text_file;
use card_ledger::{
    Columns, Matched, PartyCode, RequestKey, Settlement, SettlementError, match_file, settlement,
    times_of_day, write_settlement,
};
use std::fs::OpenOptions;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::local;
use crate::view::ledger::settlement::{Booked, Settled};

/// What is read and written.
pub(crate) struct Files {
    /// Ours, which is new.
    pub(crate) out: Option<PathBuf>,
    /// The party's.
    pub(crate) theirs: Option<PathBuf>,
    /// The description of its columns.
    pub(crate) columns: Option<PathBuf>,
}

pub(crate) fn of_a_day(books: &Books, party: &PartyCode, day: &str, files: &Files) -> Result<Settled, Error> {
    let (from, until) = times_of(day)?;
    let found = settlement(books.office.ledger(), party, from, until)?;
    let matched = match &files.theirs {
        Some(theirs) => Some(compare(books, &found, theirs, files.columns.as_deref())?),
        None => None,
    };
    if let Some(out) = &files.out {
        let file =
            OpenOptions::new().write(true).create_new(true).open(out).map_err(SettlementError::from)?;
        write_settlement(&found, &mut BufWriter::new(file))?;
    }
    Ok(Settled::new(found, matched))
}

/// From the first second of a day in Cairo to the first of the next.
pub(super) fn times_of(day: &str) -> Result<(CardTime, CardTime), Error> {
    let number = local::day_number(day);
    let number = number.ok_or_else(|| given(format!("{day:?} is no day: write it 2026-11-22")))?;
    Ok(times_of_day(&Calendar::EGYPT, number))
}

fn compare(
    books: &Books,
    found: &Settlement,
    theirs: &Path,
    columns: Option<&Path>,
) -> Result<Matched, Error> {
    let columns = match columns {
        Some(path) => Columns::from_json(&text_file::read(path).map_err(SettlementError::from)?)?,
        None => Columns::default(),
    };
    let text = text_file::read(theirs).map_err(SettlementError::from)?;
    Ok(match_file(books.office.ledger(), found, &columns, &mut text.as_bytes())?)
}

pub(crate) fn settle(
    books: &Books,
    party: &PartyCode,
    received: Piastres,
    kept: Piastres,
    reason: &str,
) -> Result<Booked, Error> {
    let entry = books.office.settle(&books.who, books.id()?, party, received, kept, reason)?;
    Ok(Booked::settled(books.id()?, party, &entry, received, kept))
}

pub(crate) fn charge_back(books: &Books, of: &RequestKey, reason: &str) -> Result<Booked, Error> {
    let entry = books.office.charge_back(&books.who, of, reason)?;
    Ok(Booked::charged_back(of, &entry))
}
