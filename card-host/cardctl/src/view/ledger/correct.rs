//! `cardctl ledger`: corrections, and the second person.

use card_core::calendar::Calendar;
use card_core::id::{Binding, CardId};
use card_core::text::{Language, isolate};
use card_core::units::{CardTime, Piastres};
use card_ledger::{Certified, PartyCode, PointCode, RequestId, Sale};
use serde::Serialize;

use super::give_back::Given;
use crate::local;
use crate::view::card::contract;
use crate::view::table::Table;
use crate::view::words::say;
use crate::view::{View, customer};

/// What was proposed.
#[derive(Serialize)]
pub(crate) struct Proposed {
    request: RequestId,
    amount: u64,
}

impl Proposed {
    pub(crate) const fn new(request: RequestId, amount: Piastres) -> Self {
        Self { request, amount: amount.0 }
    }
}

impl View for Proposed {
    fn text(&self, language: Language) -> String {
        let (amount, request) = (customer::amount(Piastres(self.amount), language), &self.request);
        say(
            language,
            format_args!(
                "{amount} proposed; another one agrees with `cardctl --actor NAME ledger approve {request}`"
            ),
            format_args!("اقتُرح {amount} بالرقم {}: يرجى موافقة شخص آخر", isolate(request)),
        )
    }
}

/// A time that was proposed as right.
#[derive(Serialize)]
pub(crate) struct ProposedTime {
    pub(crate) request: RequestId,
    pub(crate) point: PointCode,
    /// POSIX seconds.
    pub(crate) time: u64,
}

impl View for ProposedTime {
    fn text(&self, _: Language) -> String {
        let time = CardTime::from_unix(self.time).unwrap_or_default();
        format!(
            "proposed: it is {} in Cairo, and vending point {} goes on with this time; another one, who has looked at another clock, agrees with \
             `cardctl --actor NAME ledger approve {}`",
            local::time(&Calendar::EGYPT, time),
            self.point,
            self.request
        )
    }
}

/// What a second person agreed to.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Agreed {
    /// A sale, which goes on.
    Sale {
        request: RequestId,
        approved: &'static str,
    },
    /// That the clock is right.
    Time {
        request: RequestId,
        approved: &'static str,
        point: PointCode,
    },
    Certified(CertifiedView),
    /// What was left in a contract.
    GivenBack(Given),
}

impl Agreed {
    pub(crate) const fn sale(request: RequestId) -> Self {
        Self::Sale { request, approved: "sale" }
    }

    pub(crate) const fn asked(request: RequestId) -> Self {
        Self::Sale { request, approved: "asked" }
    }
}

impl View for Agreed {
    fn text(&self, language: Language) -> String {
        match self {
            Self::Sale { request, approved: "asked" } => {
                format!(
                    "approved; whoever asked for it does it with the same command as then, and --request {request}"
                )
            }
            Self::Sale { request, .. } => format!(
                "approved; whoever announced it goes on with `cardctl --request {request} top-up` and what was given then"
            ),
            Self::Time { point, .. } => {
                format!("approved: vending point {point} goes on with this clock's time")
            }
            Self::Certified(certified) => certified.text(language),
            Self::GivenBack(given) => given.text(language),
        }
    }
}

/// A correction or a move that was certified.
#[derive(Serialize)]
pub(crate) struct CertifiedView {
    request: RequestId,
    card: String,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    voucher: String,
    /// The file that the voucher is in.
    #[serde(skip)]
    file: Option<String>,
}

impl CertifiedView {
    pub(crate) fn new(request: RequestId, card: CardId, certified: &Certified, file: Option<String>) -> Self {
        Self {
            request,
            card: card.to_string(),
            sequence: certified.sequence,
            total_credit: certified.total_credit.0,
            total_debited: certified.total_debited.0,
            voucher: hex::encode_upper(&certified.voucher),
            file,
        }
    }
}

impl View for CertifiedView {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        table.line("card", &self.card);
        table.line("certificate", self.sequence);
        table.egp("total credit", Piastres(self.total_credit));
        table.egp("total debited", Piastres(self.total_debited));
        let next = match &self.file {
            Some(path) => say(
                language,
                format_args!("carry it to the card: cardctl load {path}"),
                format_args!("تحميلها على الكارت من الملف {}", isolate(path)),
            ),
            None => say(
                language,
                "bring it to the card at a branch: cardctl refresh",
                "تحميلها على الكارت في الفرع",
            ),
        };
        table.line("next", next);
        table.finish()
    }
}

/// What was proposed is withdrawn.
#[derive(Serialize)]
pub(crate) struct Withdrawn {
    request: RequestId,
    withdrawn: bool,
}

impl From<RequestId> for Withdrawn {
    fn from(request: RequestId) -> Self {
        Self { request, withdrawn: true }
    }
}

impl View for Withdrawn {
    fn text(&self, language: Language) -> String {
        let request = &self.request;
        say(language, format_args!("{request} is withdrawn"), format_args!("سُحب الطلب {}", isolate(request)))
    }
}

/// A sale that was cancelled or given back.
#[derive(Serialize)]
pub(crate) struct Ended {
    request: RequestId,
    party: PartyCode,
    point: PointCode,
    amount: u64,
    state: &'static str,
    #[serde(skip)]
    refunded: bool,
}

impl Ended {
    pub(crate) fn new(sale: Sale, refunded: bool) -> Self {
        Self {
            request: sale.request.id,
            party: sale.request.party,
            point: sale.entry.point,
            amount: sale.amount.0,
            state: sale.state.code(),
            refunded,
        }
    }
}

impl View for Ended {
    fn text(&self, language: Language) -> String {
        let Self { request, point, .. } = self;
        let amount = customer::amount(Piastres(self.amount), language);
        if self.refunded {
            say(
                language,
                format_args!("{amount} of request {request} are given back at vending point {point}"),
                format_args!("رُد {amount} عن الطلب {} في منفذ الشحن {}", isolate(request), isolate(point)),
            )
        } else {
            say(
                language,
                format_args!("request {request} is cancelled: {amount} were announced, and nothing was paid"),
                format_args!("أُلغي الطلب {}: سُجل {amount} ولم يُدفع شيء", isolate(request)),
            )
        }
    }
}

/// What a customer owes.
#[derive(Serialize)]
pub(crate) struct Debt {
    pub(crate) request: RequestId,
    #[serde(serialize_with = "crate::view::as_text")]
    pub(crate) account: u64,
    pub(crate) debt: u64,
}

impl View for Debt {
    fn text(&self, language: Language) -> String {
        let (account, debt) = (self.account, customer::amount(Piastres(self.debt), language));
        say(
            language,
            format_args!("account {account} owes {debt} now, and pays with sales"),
            format_args!("مديونية المشترك {} الآن {debt}، وتُسدد مع الشحن", isolate(account)),
        )
    }
}

/// A card whose contract the ledger did not know.
#[derive(Serialize)]
pub(crate) struct RecoveredCard {
    request: RequestId,
    card: String,
    #[serde(serialize_with = "crate::view::as_text")]
    account: u64,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    recovered_credit: u64,
    recovered_debited: u64,
}

impl RecoveredCard {
    pub(crate) fn new(request: RequestId, recovered: &card_ledger::RecoveredCard) -> Self {
        Self {
            request,
            card: recovered.card.to_string(),
            account: recovered.account,
            meter: recovered.binding.meter.number(),
            binding: recovered.binding.number,
            sequence: recovered.sequence,
            total_credit: recovered.total_credit.0,
            total_debited: recovered.total_debited.0,
            recovered_credit: recovered.credit.0,
            recovered_debited: recovered.debited.0,
        }
    }
}

impl View for RecoveredCard {
    fn text(&self, language: Language) -> String {
        let entered = |total, now| {
            let (total, now) = (Piastres(total), Piastres(now));
            let (total, now) = (customer::amount(total, language), customer::amount(now, language));
            say(
                language,
                format_args!("{total}, {now} of it entered now"),
                format_args!("{total}، منها {now} سُجلت الآن"),
            )
        };
        let mut table = Table::new(language);
        table.line("card", &self.card);
        table.line("account", self.account);
        table.line("meter", contract(Binding { meter: self.meter.into(), number: self.binding }, language));
        table.line("total credit", entered(self.total_credit, self.recovered_credit));
        table.line("total debited", entered(self.total_debited, self.recovered_debited));
        table.finish()
    }
}
