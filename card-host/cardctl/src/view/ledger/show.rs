//! How things stand in the ledger.

use card_core::text::Language;
use card_core::units::{Balance, CardTime, Piastres};
use card_ledger::{BindingRecord, Division, Entry, PartyCode, Point, PointCode, RequestId, Sale};
use serde::Serialize;
use std::fmt::Write as _;

use super::moves::MoveView;
use crate::view::View;
use crate::view::issue::Account;
use crate::view::staff::{SINGLE_USER, shown_once};
use crate::view::table::{Table, egp, time};

/// Whether a ledger was founded just now.
#[derive(Serialize)]
pub(crate) struct Begun {
    pub(crate) begun: bool,
    /// The first member of staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
}

impl View for Begun {
    fn text(&self, _: Language) -> String {
        let founded = match (self.begun, &self.name) {
            (false, _) => {
                return "there is a ledger already: nothing was changed; see it with `cardctl ledger status`"
                    .to_owned();
            }
            (true, None) => {
                return format!(
                    "a ledger is founded; next: cardctl issue --meter NUMBER --account NUMBER\n{SINGLE_USER}"
                );
            }
            (true, Some(name)) => {
                format!(
                    "a ledger with staff is founded, and {name} may do everything; next: cardctl staff add"
                )
            }
        };
        let name = self.name.as_deref().unwrap_or_default();
        match (&self.secret, &self.file) {
            (Some(secret), _) => format!("{founded}\n{}", shown_once(name, secret)),
            (None, Some(file)) => format!("{founded}\nthe secret is in {file}"),
            (None, None) => founded,
        }
    }
}

/// How the ledger stands.
#[derive(Serialize)]
pub(crate) struct Standing {
    /// Whether whoever uses it is believed to be who they say.
    pub(crate) single_user: bool,
    pub(crate) points: Vec<PointStanding>,
    /// Version of the rules of selling.
    pub(crate) rules: u32,
    /// How often it was restored from a copy.
    pub(crate) epoch: u32,
    pub(crate) waiting: Vec<Waiting>,
}

/// How a vending point stands.
#[derive(Serialize)]
pub(crate) struct PointStanding {
    point: PointCode,
    party: PartyCode,
    open: bool,
    entries: u64,
    head: String,
    cash: i64,
    sold_today: u64,
    most_cash: Option<u64>,
    most_daily: Option<u64>,
}

impl PointStanding {
    pub(crate) fn new(point: Point, today: u32) -> Self {
        Self {
            open: point.open,
            entries: point.number,
            head: hex::encode(point.head),
            cash: point.cash.0,
            sold_today: if point.day == today { point.sold.0 } else { 0 },
            most_cash: point.most_cash.map(|most| most.0),
            most_daily: point.most_daily.map(|most| most.0),
            point: point.code,
            party: point.party,
        }
    }
}

/// An entry that waits for somebody.
#[derive(Serialize)]
pub(crate) struct Waiting {
    #[serde(flatten)]
    entry: EntryView,
    /// What it proposes to move.
    #[serde(rename = "move", skip_serializing_if = "Option::is_none")]
    order: Option<MoveView>,
}

impl Waiting {
    pub(crate) fn new(entry: Entry, order: Option<MoveView>) -> Self {
        Self { entry: entry.into(), order }
    }
}

impl View for Standing {
    fn text(&self, _: Language) -> String {
        let mut text =
            format!("{:<20} {:<12} {:>10} {:>14} {:>14}", "point", "party", "entries", "cash", "sold today");
        for point in &self.points {
            let closed = if point.open { "" } else { "  closed" };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n{:<20} {:<12} {:>10} {:>14} {:>14}{closed}",
                point.point,
                point.party,
                point.entries,
                Balance(point.cash).to_string(),
                Piastres(point.sold_today).to_string(),
            );
        }
        let Self { rules, epoch, .. } = self;
        let _ = write!(text, "\n\nrules of selling: version {rules}; restored from a copy: {epoch} times");
        for Waiting { entry, order } in &self.waiting {
            let order = order.as_ref().map_or_else(String::new, |order| format!(": {order}"));
            let _ = write!(text, "\nwaits: {entry}{order}");
        }
        if self.single_user {
            let _ = write!(text, "\n{SINGLE_USER}");
        }
        text
    }
}

/// An entry.
#[derive(Serialize)]
struct EntryView {
    point: PointCode,
    number: u64,
    time: u64,
    kind: &'static str,
    /// Of a `block`: whether the card is blocked by it, or not any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<bool>,
    step: &'static str,
    party: PartyCode,
    request: RequestId,
    actor: String,
    reason: String,
    amount: u64,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    hash: String,
    #[serde(skip)]
    at: CardTime,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let blocked = entry.blocks();
        Self {
            point: entry.id.point,
            number: entry.id.number,
            time: entry.time.to_unix(),
            kind: entry.kind.code(),
            blocked,
            step: entry.step.code(),
            party: entry.request.party,
            request: entry.request.id,
            actor: entry.actor,
            reason: entry.reason,
            amount: entry.amount.0,
            sequence: entry.sequence,
            total_credit: entry.total_credit.0,
            total_debited: entry.total_debited.0,
            hash: hex::encode(entry.hash),
            at: entry.time,
        }
    }
}

/// In one line.
impl std::fmt::Display for EntryView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { point, number, actor, party, request, .. } = self;
        let kind = if self.blocked == Some(false) { "unblock" } else { self.kind };
        let amount =
            if self.amount == 0 { String::new() } else { format!(" {}", egp(Piastres(self.amount))) };
        let reason = if self.reason.is_empty() { String::new() } else { format!(" ({})", self.reason) };
        write!(
            f,
            "{}  {point}/{number} {kind}{amount}{reason}, by {actor} of {party}, request {request}",
            time(self.at)
        )
    }
}

/// How a contract stands, and its newest entries.
#[derive(Serialize)]
pub(crate) struct Statement {
    #[serde(flatten)]
    account: Account,
    status: &'static str,
    blocked: bool,
    sequence: u32,
    card_sequence: u32,
    applied_credit: u64,
    applied_debited: u64,
    debt: u64,
    voucher: String,
    entries: Vec<EntryView>,
    #[serde(skip)]
    heard: CardTime,
}

impl Statement {
    pub(crate) fn new(record: &BindingRecord, history: Vec<Entry>, debt: Piastres) -> Self {
        Self {
            account: (&record.held).into(),
            status: record.status.code(),
            blocked: record.blocked,
            sequence: record.held.sequence,
            card_sequence: record.card_sequence,
            applied_credit: record.held.applied_credit.0,
            applied_debited: record.held.applied_debited.0,
            debt: debt.0,
            voucher: hex::encode_upper(&record.voucher),
            entries: history.into_iter().map(EntryView::from).collect(),
            heard: record.heard,
        }
    }
}

impl View for Statement {
    fn text(&self, _: Language) -> String {
        let account = &self.account;
        let mut table = Table::default();
        let blocked = if self.blocked { ", card blocked" } else { "" };
        table.line("meter", format!("{} (binding {})", account.meter, account.binding));
        table.line("account", account.account);
        table.line("card", format!("{} (generation {})", account.card, account.generation));
        table.line("status", format!("{}{blocked}", self.status));
        table.line("certificate", self.sequence);
        table.line("total credit", egp(Piastres(account.total_credit)));
        table.line("total debited", egp(Piastres(account.total_debited)));
        table.line("seen on the card", self.card_sequence);
        table.line("seen in the meter", egp(Piastres(self.applied_credit)));
        let heard = if self.heard == CardTime::UNSET { "never".to_owned() } else { time(self.heard) };
        table.line("heard of the meter", heard);
        table.line("debt", egp(Piastres(self.debt)));
        let mut text = table.finish();
        text.push('\n');
        for entry in &self.entries {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{entry}");
        }
        text
    }
}

/// How far a sale is.
#[derive(Serialize)]
pub(crate) struct SaleView {
    request: RequestId,
    party: PartyCode,
    state: &'static str,
    point: PointCode,
    number: u64,
    time: u64,
    actor: String,
    approved_by: Option<String>,
    card: String,
    amount: u64,
    division: Division,
    voucher: Option<String>,
    #[serde(skip)]
    at: CardTime,
}

impl From<Sale> for SaleView {
    fn from(sale: Sale) -> Self {
        Self {
            request: sale.request.id,
            party: sale.request.party,
            state: sale.state.code(),
            point: sale.entry.point,
            number: sale.entry.number,
            time: sale.time.to_unix(),
            actor: sale.actor,
            approved_by: sale.approved_by,
            card: sale.card.to_string(),
            amount: sale.amount.0,
            division: sale.division,
            voucher: sale.certified.map(|certified| hex::encode_upper(&certified.voucher)),
            at: sale.time,
        }
    }
}

impl View for SaleView {
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        table.line("request", format!("{} of {}", self.request, self.party));
        table.line("state", self.state);
        table.line("receipt", format!("{}/{}", self.point, self.number));
        table.line("time", time(self.at));
        table.line("sold by", &self.actor);
        if let Some(second) = &self.approved_by {
            table.line("approved by", second);
        }
        table.line("card", &self.card);
        table.line("paid", egp(Piastres(self.amount)));
        table.line("credit", egp(Piastres(self.division.credit)));
        for charge in &self.division.charges {
            table.line(charge.code.to_string(), egp(Piastres(charge.amount)));
        }
        if self.division.debt > 0 {
            table.line("to the debt", egp(Piastres(self.division.debt)));
        }
        if let Some(voucher) = &self.voucher {
            table.line("voucher", voucher);
        }
        table.finish()
    }
}
