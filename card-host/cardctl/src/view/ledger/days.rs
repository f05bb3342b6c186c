//! `cardctl ledger`: cash, days, and what leaves the ledger.

use card_core::text::Language;
use card_core::units::{Balance, Piastres};
use card_ledger::{DayStatement, Manifest, PointCode, RequestId, TrialBalance};
use serde::Serialize;
use std::fmt::Write as _;

use crate::view::View;
use crate::view::table::{Table, egp};

/// Cash that was handed over.
#[derive(Serialize)]
pub(crate) struct Deposit {
    pub(crate) request: RequestId,
    pub(crate) amount: u64,
    /// Of the entry.
    pub(crate) point: PointCode,
    pub(crate) number: u64,
    /// Who handed it over.
    #[serde(skip)]
    pub(crate) of: PointCode,
}

impl View for Deposit {
    fn text(&self, _: Language) -> String {
        let Self { of, point, number, .. } = self;
        format!("{} of {of} handed over: entry {point}/{number}", egp(Piastres(self.amount)))
    }
}

/// A day that was closed.
#[derive(Serialize)]
pub(crate) struct Closed {
    pub(crate) request: RequestId,
    pub(crate) signed: bool,
    #[serde(flatten)]
    pub(crate) day: DayStatement,
}

impl View for Closed {
    fn text(&self, _: Language) -> String {
        let day = &self.day;
        let mut table = Table::default();
        table.line("vending point", &day.point);
        let entries = match day.first > day.last {
            true => "none since it was closed before".to_owned(),
            false => format!("{} to {}", day.first, day.last),
        };
        table.line("entries", entries);
        for (kind, sums) in &day.kinds {
            table.line(kind, format!("{} times, {}", sums.count, egp(Piastres(sums.amount))));
        }
        table.line("cash before", egp(Balance(day.opening_cash)));
        table.line("cash by the books", egp(Balance(day.booked_cash)));
        table.line("cash as counted", egp(Piastres(day.counted_cash)));
        table.line("difference", egp(Balance(day.difference)));
        table.line("waiting", day.waiting.len() as u64 + day.more_waiting);
        table.line("signed", signed(self.signed));
        table.finish()
    }
}

const fn signed(signed: bool) -> &'static str {
    if signed { "yes" } else { "no: make an audit key with `cardctl audit key`" }
}

/// All accounts.
#[derive(Serialize)]
pub(crate) struct Trial {
    accounts: Vec<AccountSums>,
    debits: u64,
    credits: u64,
    #[serde(skip)]
    balance: TrialBalance,
}

#[derive(Serialize)]
struct AccountSums {
    account: String,
    class: String,
    debits: u64,
    credits: u64,
}

impl From<TrialBalance> for Trial {
    fn from(balance: TrialBalance) -> Self {
        let accounts = balance.lines.iter().map(|line| AccountSums {
            account: line.account.clone(),
            class: format!("{:?}", line.class).to_lowercase(),
            debits: number(line.debits),
            credits: number(line.credits),
        });
        Self {
            accounts: accounts.collect(),
            debits: number(balance.debits),
            credits: number(balance.credits),
            balance,
        }
    }
}

impl View for Trial {
    fn text(&self, _: Language) -> String {
        let mut text = format!("{:<28} {:<10} {:>18} {:>18}", "account", "class", "debits", "credits");
        for (line, AccountSums { account, class, .. }) in self.balance.lines.iter().zip(&self.accounts) {
            let (debits, credits) = (wide(line.debits), wide(line.credits));
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{account:<28} {class:<10} {debits:>18} {credits:>18}");
        }
        let (debits, credits) = (wide(self.balance.debits), wide(self.balance.credits));
        let _ = write!(text, "\n{:<39} {debits:>18} {credits:>18}", "sum");
        text
    }
}

/// A sum in EGP, however large.
fn wide(amount: u128) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn number(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}

/// What was exported.
#[derive(Serialize)]
pub(crate) struct Exported {
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
    #[serde(skip)]
    pub(crate) signed: bool,
}

impl View for Exported {
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        for (name, file) in &self.manifest.files {
            table.line(name, format!("{} records, {} bytes", file.records, file.bytes));
        }
        table.line("signed", signed(self.signed));
        table.finish()
    }
}

/// A copy of the ledger.
#[derive(Serialize)]
pub(crate) struct Copied {
    pub(crate) file: String,
}

impl View for Copied {
    fn text(&self, _: Language) -> String {
        format!("{} is a copy of the ledger as it is now", self.file)
    }
}

/// A restore that was told to the ledger.
#[derive(Serialize)]
pub(crate) struct Restored {
    pub(crate) request: RequestId,
    pub(crate) epoch: u32,
    /// How many chains are marked.
    pub(crate) marked: u64,
}

impl View for Restored {
    fn text(&self, _: Language) -> String {
        format!(
            "restore {} is marked in {} chains; contracts sell again once their card or meter has been read: cardctl collect",
            self.epoch, self.marked
        )
    }
}
