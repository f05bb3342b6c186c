//! A channel's file against the books, both ways.

use serde::Serialize;
use std::io::BufRead;

use super::Settlement;
use super::file::{Columns, SettlementError, theirs};
use crate::entry::RequestKey;
use crate::error::LedgerError;
use crate::names::RequestId;
use crate::sale::Steps;
use crate::store::{Ledger, read};

/// What a channel's file and the books say of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Matched {
    /// Requests of which both say the same.
    pub same: u64,
    /// Lines of the file that do not count by the description of its columns.
    pub left_out: u64,
    /// What all that counts in the file adds up to, in piastres.
    pub there: i64,
    /// The same by the books, in piastres.
    pub here: i64,
    /// Where they differ, by request; lines that cannot be read last.
    pub differences: Vec<Difference>,
}

/// Where they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Difference {
    /// The books have it, and the file does not.
    OnlyHere {
        /// The request.
        request: String,
        /// In piastres.
        here: i64,
    },
    /// The file has it, and the books do not have it in this time.
    OnlyThere {
        /// The request.
        request: String,
        /// In piastres.
        there: i64,
        /// Its line in the file.
        line: u64,
        /// What the books say of it.
        stands: Stands,
    },
    /// Both have it, with other amounts.
    Different {
        /// The request.
        request: String,
        /// In piastres.
        here: i64,
        /// In piastres.
        there: i64,
        /// Its line in the file.
        line: u64,
    },
    /// A line of the file says nothing that could be compared.
    Unreadable {
        /// The line.
        line: u64,
        /// Why.
        why: String,
    },
}

/// What the books say of a request that a file has in a day, and they have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "stands", rename_all = "kebab-case")]
pub enum Stands {
    /// There is no such request.
    Unknown,
    /// It was asked for, and has moved no money: announced, or cancelled.
    NotPaid,
    /// It moved money at another time.
    OtherDay {
        /// When, POSIX seconds.
        time: u64,
    },
    /// What it moved was given back.
    GivenBack,
}

/// Compares a channel's file with the books.
pub fn match_file(
    ledger: &dyn Ledger,
    settlement: &Settlement,
    columns: &Columns,
    file: &mut dyn BufRead,
) -> Result<Matched, SettlementError> {
    let mut theirs = theirs(columns, file)?;
    let mut matched = Matched { left_out: theirs.left_out, ..Matched::default() };
    for (amount, _) in theirs.requests.values() {
        matched.there = matched.there.saturating_add(*amount);
    }
    for (id, line) in &settlement.lines {
        let here = line.amount;
        matched.here = matched.here.saturating_add(here);
        let request = id.to_string();
        match theirs.requests.remove(&request) {
            Some((there, _)) if there == here => matched.same = matched.same.saturating_add(1),
            Some((there, line)) => {
                matched.differences.push(Difference::Different { request, here, there, line });
            }
            None => matched.differences.push(Difference::OnlyHere { request, here }),
        }
    }
    // What is left, and moved something.
    for (request, (there, line)) in theirs.requests.into_iter().filter(|(_, (there, _))| *there != 0) {
        let stands = stands(ledger, settlement, &request)?;
        matched.differences.push(Difference::OnlyThere { request, there, line, stands });
    }
    matched.differences.sort_by(|one, other| one.request().cmp(&other.request()));
    let unreadable = theirs.unreadable.into_iter();
    matched.differences.extend(unreadable.map(|(line, why)| Difference::Unreadable { line, why }));
    Ok(matched)
}

impl Difference {
    /// The request; none where a line cannot be read.
    pub fn request(&self) -> Option<&str> {
        match self {
            Self::OnlyHere { request, .. }
            | Self::OnlyThere { request, .. }
            | Self::Different { request, .. } => Some(request),
            Self::Unreadable { .. } => None,
        }
    }
}

fn stands(ledger: &dyn Ledger, settlement: &Settlement, request: &str) -> Result<Stands, LedgerError> {
    let Ok(id) = request.parse::<RequestId>() else { return Ok(Stands::Unknown) };
    let key = RequestKey { party: settlement.party.clone(), id };
    read(ledger, |t| {
        let done = t.steps(&key)?;
        let steps = Steps::read(t, &done)?;
        let all = [&steps.first, &steps.decision, &steps.settled];
        let moved = all.into_iter().flatten().filter(|entry| super::moved(entry).is_some());
        let within = |time: u64| (settlement.from..settlement.until).contains(&time);
        let mut times = moved.map(|entry| entry.time.to_unix());
        Ok(match times.next() {
            None if steps.first.is_none() => Stands::Unknown,
            None => Stands::NotPaid,
            Some(time) if within(time) => Stands::GivenBack,
            Some(time) => Stands::OtherDay { time },
        })
    })
}
