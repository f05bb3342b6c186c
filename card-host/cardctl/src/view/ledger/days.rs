//! `cardctl ledger`: cash, days, and what leaves the ledger.

use card_core::text::{Language, isolate};
use card_core::units::{Balance, Piastres};
use card_ledger::{DayStatement, Manifest, PointCode, RequestId, TrialBalance};
use serde::Serialize;
use std::fmt::Write as _;

use crate::view::table::{Table, in_language};
use crate::view::{View, customer};
use crate::words::{said, say};

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
    fn text(&self, language: Language) -> String {
        let Self { of, point, number, .. } = self;
        let amount = customer::amount(Piastres(self.amount), language);
        say(
            language,
            format_args!("{amount} of {of} handed over: entry {point}/{number}"),
            format_args!(
                "تم توريد {amount} من {}: القيد {}",
                isolate(of),
                isolate(format_args!("{point}/{number}"))
            ),
        )
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
    fn text(&self, language: Language) -> String {
        let day = &self.day;
        let mut table = Table::new(language);
        table.line("vending point", &day.point);
        let entries = match day.first > day.last {
            true => say(language, "none since it was closed before", "لا شيء منذ الإغلاق السابق"),
            false => {
                let (first, last) = (day.first, day.last);
                say(
                    language,
                    format_args!("{first} to {last}"),
                    format_args!("من {} إلى {}", isolate(first), isolate(last)),
                )
            }
        };
        table.line("entries", entries);
        for (kind, sums) in &day.kinds {
            let (count, amount) = (sums.count, customer::amount(Piastres(sums.amount), language));
            let arabic = format_args!("{} مرة، {amount}", isolate(count));
            table.line(kind, say(language, format_args!("{count} times, {amount}"), arabic));
        }
        table.egp("cash before", Balance(day.opening_cash));
        table.egp("cash by the books", Balance(day.booked_cash));
        table.egp("cash as counted", Piastres(day.counted_cash));
        table.egp("difference", Balance(day.difference));
        table.line("waiting", day.waiting.len() as u64 + day.more_waiting);
        table.line("signed", signed(self.signed, language));
        table.finish()
    }
}

fn signed(signed: bool, language: Language) -> String {
    match signed {
        true => say(language, "yes", "نعم"),
        false => say(
            language,
            "no: make an audit key with `cardctl audit key`",
            "لا: يرجى إنشاء بيانات توقيع المراجعة أولًا",
        ),
    }
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
    fn text(&self, language: Language) -> String {
        let [account, class, debits, credits, sum] = match language {
            Language::English => ["account", "class", "debits", "credits", "sum"],
            Language::Arabic => ["الحساب", "النوع", "مدين", "دائن", "المجموع"],
        };
        let mut text = format!("{account:<28} {class:<10} {debits:>18} {credits:>18}");
        for (line, AccountSums { account, class, .. }) in self.balance.lines.iter().zip(&self.accounts) {
            let (debits, credits) = (wide(line.debits), wide(line.credits));
            // Writing to a string cannot fail.
            let class = in_language(language, class.clone());
            let _ = write!(text, "\n{account:<28} {class:<10} {debits:>18} {credits:>18}");
        }
        let (debits, credits) = (wide(self.balance.debits), wide(self.balance.credits));
        let _ = write!(text, "\n{sum:<39} {debits:>18} {credits:>18}");
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
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        for (name, file) in &self.manifest.files {
            let (records, bytes) = (file.records, file.bytes);
            let arabic = format_args!("{} سجلًا، {} بايت", isolate(records), isolate(bytes));
            table.line(name, say(language, format_args!("{records} records, {bytes} bytes"), arabic));
        }
        table.line("signed", signed(self.signed, language));
        table.finish()
    }
}

/// A copy of the ledger.
#[derive(Serialize)]
pub(crate) struct Copied {
    pub(crate) file: String,
}

impl View for Copied {
    fn text(&self, language: Language) -> String {
        let file = &self.file;
        say(
            language,
            format_args!("{file} is a copy of the ledger as it is now"),
            format_args!("{} نسخة من الدفاتر كما هي الآن", isolate(file)),
        )
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
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "restore {epoch} is marked in {marked} chains; contracts sell again once their card or meter has been read: {command}",
            "سُجلت الاستعادة رقم {epoch} في {marked} من منافذ الشحن؛ ويعود شحن كل تعاقد بعد قراءة كارته أو عداده: {command}",
            epoch = self.epoch,
            marked = self.marked,
            command = "cardctl collect",
        )
    }
}
