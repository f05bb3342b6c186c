//! `cardctl top-up`, `refresh` and `load`.

use card_core::terminal::load::{LoadAnswer, LoadOutcome};
use card_core::text::{Language, Situation};
use card_core::units::Piastres;
use card_ledger::RequestId;
use serde::Serialize;

use super::View;
use super::customer;
use super::table::egp;

/// What a card did with a voucher.
#[derive(Serialize)]
pub(crate) struct Loaded {
    card: String,
    /// What was sold, where something was.
    amount: Option<u64>,
    outcome: String,
    code: &'static str,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    #[serde(skip)]
    what: LoadOutcome,
}

impl Loaded {
    /// `sold` is what was sold with it, and under which request.
    pub(crate) fn new(answer: &LoadAnswer, sold: Option<(Piastres, RequestId)>) -> Self {
        let (amount, request) = sold.map_or((None, None), |(amount, id)| (Some(amount.0), Some(id)));
        let receipt = &answer.receipt;
        Self {
            card: receipt.card.id.to_string(),
            amount,
            outcome: format!("{:?}", answer.outcome),
            code: customer::code(answer.outcome.into()),
            sequence: receipt.sequence,
            total_credit: receipt.total_credit.0,
            total_debited: receipt.total_debited.0,
            state: receipt.state.to_string(),
            request,
            what: answer.outcome,
        }
    }
}

impl View for Loaded {
    fn text(&self, language: Language) -> String {
        customer::outcome(self.what, self.amount.map(Piastres), language)
    }
}

/// What was sold and is carried to its card in a file.
#[derive(Serialize)]
pub(crate) struct Kept {
    card: String,
    amount: u64,
    file: String,
    code: &'static str,
    request: RequestId,
}

impl Kept {
    pub(crate) fn new(card: String, amount: Piastres, file: String, request: RequestId) -> Self {
        Self { card, amount: amount.0, file, code: customer::code(Situation::PaidNotLoaded), request }
    }
}

impl View for Kept {
    fn text(&self, language: Language) -> String {
        let Self { card, file, .. } = self;
        let amount = Piastres(self.amount);
        match language {
            Language::English => {
                format!(
                    "{} sold to card {card}; carry the voucher to it with `cardctl load {file}`",
                    egp(amount)
                )
            }
            Language::Arabic => {
                customer::with_amount(Situation::PaidNotLoaded.text(language), amount, language)
            }
        }
    }
}

/// What was sold, on the card or in a file.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Sold {
    Loaded(Loaded),
    Kept(Kept),
}

impl View for Sold {
    fn text(&self, language: Language) -> String {
        match self {
            Self::Loaded(loaded) => loaded.text(language),
            Self::Kept(kept) => kept.text(language),
        }
    }
}
