//! `cardctl ledger`: corrections, and the second person.

use card_core::calendar::Calendar;
use card_core::id::CardId;
use card_core::text::Language;
use card_core::units::{CardTime, Piastres};
use card_ledger::{Certified, PartyCode, PointCode, RequestId, Sale};
use serde::Serialize;

use crate::local;
use crate::view::View;
use crate::view::table::{Table, egp};

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
    fn text(&self, _: Language) -> String {
        format!(
            "{} proposed; another one agrees with `cardctl --actor NAME ledger approve {}`",
            egp(Piastres(self.amount)),
            self.request
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
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        table.line("card", &self.card);
        table.line("certificate", self.sequence);
        table.line("total credit", egp(Piastres(self.total_credit)));
        table.line("total debited", egp(Piastres(self.total_debited)));
        let next = match &self.file {
            Some(path) => format!("carry it to the card: cardctl load {path}"),
            None => "bring it to the card at a branch: cardctl refresh".to_owned(),
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
    fn text(&self, _: Language) -> String {
        format!("{} is withdrawn", self.request)
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
    fn text(&self, _: Language) -> String {
        let Self { request, point, .. } = self;
        let amount = egp(Piastres(self.amount));
        if self.refunded {
            format!("{amount} of request {request} are given back at vending point {point}")
        } else {
            format!("request {request} is cancelled: {amount} were announced, and nothing was paid")
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
    fn text(&self, _: Language) -> String {
        format!("account {} owes {} now, and pays with sales", self.account, egp(Piastres(self.debt)))
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
    fn text(&self, _: Language) -> String {
        let entered =
            |total, now| format!("{}, {} of it entered now", egp(Piastres(total)), egp(Piastres(now)));
        let mut table = Table::default();
        table.line("card", &self.card);
        table.line("account", self.account);
        table.line("meter", format!("{} (binding {})", self.meter, self.binding));
        table.line("total credit", entered(self.total_credit, self.recovered_credit));
        table.line("total debited", entered(self.total_debited, self.recovered_debited));
        table.finish()
    }
}
