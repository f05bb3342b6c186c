//! How things stand in the ledger.

use card_core::text::{Language, isolate};
use card_core::units::{Balance, CardTime, Piastres};
use card_ledger::{BindingRecord, Division, Entry, PartyCode, Point, PointCode, RequestId, Sale};
use serde::Serialize;
use std::fmt::Write as _;

use super::moves::MoveView;
use crate::view::issue::{Account, generation};
use crate::view::staff::{SINGLE_USER, shown_once};
use crate::view::table::{Table, in_language, time};
use crate::view::words::say;
use crate::view::{View, customer};

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
    fn text(&self, language: Language) -> String {
        let founded = match (self.begun, &self.name) {
            (false, _) => {
                return say(
                    language,
                    "there is a ledger already: nothing was changed; see it with `cardctl ledger status`",
                    "توجد دفاتر من قبل، ولم يتغير شيء",
                );
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
    fn text(&self, language: Language) -> String {
        let names = match language {
            Language::English => ["point", "party", "entries", "cash", "sold today"],
            Language::Arabic => ["منفذ الشحن", "الجهة", "القيود", "النقد", "بيع اليوم"],
        };
        let [point, party, entries, cash, sold] = names;
        let mut text = format!("{point:<20} {party:<12} {entries:>10} {cash:>14} {sold:>14}");
        for PointStanding { point, party, entries, cash, sold_today, open, .. } in &self.points {
            let closed = if *open { String::new() } else { say(language, "  closed", "  موقوف") };
            let (cash, sold) = (Balance(*cash).to_string(), Piastres(*sold_today).to_string());
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{point:<20} {party:<12} {entries:>10} {cash:>14} {sold:>14}{closed}");
        }
        let Self { rules, epoch, .. } = self;
        let standing = say(
            language,
            format_args!("rules of selling: version {rules}; restored from a copy: {epoch} times"),
            format_args!("قواعد البيع: رقم {}؛ مرات الاستعادة من نسخة: {}", isolate(rules), isolate(epoch)),
        );
        let _ = write!(text, "\n\n{standing}");
        for Waiting { entry, order } in &self.waiting {
            let order =
                order.as_ref().map_or_else(String::new, |order| format!(": {}", order.text(language)));
            let waits = say(language, "waits", "ينتظر");
            let _ = write!(text, "\n{waits}: {}{order}", entry.line(language));
        }
        if self.single_user {
            let said = say(language, SINGLE_USER, "دفاتر مستخدم واحد للتطوير: يُصدَّق كل من يستخدمها");
            let _ = write!(text, "\n{said}");
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

impl EntryView {
    /// In one line.
    fn line(&self, language: Language) -> String {
        let Self { point, number, actor, party, request, reason, .. } = self;
        let kind = if self.blocked == Some(false) { "unblock" } else { self.kind };
        let at = time(self.at);
        let amount = match self.amount {
            0 => String::new(),
            amount => format!(" {}", customer::amount(Piastres(amount), language)),
        };
        let (because, arabic) = match reason.is_empty() {
            true => (String::new(), String::new()),
            false => (format!(" ({reason})"), format!(" ({})", isolate(reason))),
        };
        let named = match (language, kind) {
            // The same word is a state elsewhere.
            (Language::Arabic, "open") => "فتح التعاقد".to_owned(),
            _ => in_language(language, kind.to_owned()),
        };
        let (place, who) = (format!("{point}/{number}"), format!("{actor}, {party}"));
        say(
            language,
            format_args!("{at}  {place} {named}{amount}{because}, by {actor} of {party}, request {request}"),
            format_args!(
                "{}  {} {named}{amount}{arabic}، نفذه {}، الطلب {}",
                isolate(&at),
                isolate(&place),
                isolate(&who),
                isolate(request)
            ),
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
    fn text(&self, language: Language) -> String {
        let account = &self.account;
        let mut table = Table::new(language);
        let status = in_language(language, self.status.to_owned());
        let blocked = if self.blocked {
            say(language, ", card blocked", "، الكارت موقوف")
        } else {
            String::new()
        };
        table.line("meter", account.contract(language));
        table.line("account", account.account);
        table.line("card", generation(&account.card, account.generation, language));
        table.line("status", format!("{status}{blocked}"));
        table.line("certificate", self.sequence);
        table.egp("total credit", Piastres(account.total_credit));
        table.egp("total debited", Piastres(account.total_debited));
        table.line("seen on the card", self.card_sequence);
        table.egp("seen in the meter", Piastres(self.applied_credit));
        let heard = if self.heard == CardTime::UNSET { "never".to_owned() } else { time(self.heard) };
        table.line("heard of the meter", heard);
        table.egp("debt", Piastres(self.debt));
        let mut text = table.finish();
        text.push('\n');
        for entry in &self.entries {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", entry.line(language));
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
    card: Option<String>,
    amount: u64,
    division: Division,
    voucher: Option<String>,
    #[serde(skip)]
    at: CardTime,
}

impl From<Sale> for SaleView {
    fn from(sale: Sale) -> Self {
        Self {
            card: sale.carrier().map(|card| card.to_string()),
            request: sale.request.id,
            party: sale.request.party,
            state: sale.state.code(),
            point: sale.entry.point,
            number: sale.entry.number,
            time: sale.time.to_unix(),
            actor: sale.actor,
            approved_by: sale.approved_by,
            amount: sale.amount.0,
            division: sale.division,
            voucher: sale.certified.map(|certified| hex::encode_upper(&certified.voucher)),
            at: sale.time,
        }
    }
}

impl View for SaleView {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        let Self { request, party, .. } = self;
        let arabic = format_args!("{} من {}", isolate(request), isolate(party));
        table.line("request", say(language, format_args!("{request} of {party}"), arabic));
        table.line("state", self.state);
        table.line("receipt", format!("{}/{}", self.point, self.number));
        table.line("time", time(self.at));
        table.line("sold by", &self.actor);
        if let Some(second) = &self.approved_by {
            table.line("approved by", second);
        }
        if let Some(card) = &self.card {
            table.line("card", card);
        }
        table.egp("paid", Piastres(self.amount));
        table.egp("credit", Piastres(self.division.credit));
        for charge in &self.division.charges {
            table.egp(charge.code.to_string(), Piastres(charge.amount));
        }
        if self.division.debt > 0 {
            table.egp("to the debt", Piastres(self.division.debt));
        }
        if let Some(voucher) = &self.voucher {
            table.line("voucher", voucher);
        }
        table.finish()
    }
}
