//! `cardctl top-up`, `refresh` and `load`.

use card_core::terminal::load::{LoadAnswer, LoadOutcome};
use card_core::text::{Language, Situation};
use card_core::units::Piastres;
use card_ledger::{Division, RequestId, Sale};
use serde::Serialize;

use super::View;
use super::customer;

/// What was sold, and what became of what was paid.
#[derive(Serialize)]
struct Receipt {
    /// What was paid.
    amount: u64,
    #[serde(flatten)]
    division: Division,
    request: RequestId,
}

impl From<&Sale> for Receipt {
    fn from(sale: &Sale) -> Self {
        Self { amount: sale.amount.0, division: sale.division.clone(), request: sale.request.id.clone() }
    }
}

impl Receipt {
    fn text(&self, language: Language) -> String {
        customer::paid(Piastres(self.amount), &self.division).in_words(language).to_string()
    }
}

/// What a card did with a voucher.
#[derive(Serialize)]
pub(crate) struct Loaded {
    card: String,
    #[serde(flatten)]
    sold: Option<Receipt>,
    outcome: String,
    code: &'static str,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    state: String,
    #[serde(skip)]
    what: LoadOutcome,
}

impl Loaded {
    /// `sold` is what was sold with it.
    pub(crate) fn new(answer: &LoadAnswer, sold: Option<&Sale>) -> Self {
        let receipt = &answer.receipt;
        Self {
            card: receipt.card.id.to_string(),
            sold: sold.map(Receipt::from),
            outcome: format!("{:?}", answer.outcome),
            code: customer::code(answer.outcome.into()),
            sequence: receipt.sequence,
            total_credit: receipt.total_credit.0,
            total_debited: receipt.total_debited.0,
            state: receipt.state.to_string(),
            what: answer.outcome,
        }
    }
}

impl View for Loaded {
    fn text(&self, language: Language) -> String {
        let outcome = customer::outcome(self.what, language);
        match &self.sold {
            Some(sold) => format!("{}\n{outcome}", sold.text(language)),
            None => outcome,
        }
    }
}

/// What was sold and is carried to its card in a file.
#[derive(Serialize)]
pub(crate) struct Kept {
    card: String,
    file: String,
    code: &'static str,
    #[serde(flatten)]
    sold: Receipt,
}

impl Kept {
    pub(crate) fn new(sale: &Sale, file: String) -> Self {
        let code = customer::code(Situation::PaidNotLoaded);
        let card = sale.carrier().map(|card| card.to_string()).unwrap_or_default();
        Self { card, file, code, sold: sale.into() }
    }
}

impl View for Kept {
    fn text(&self, language: Language) -> String {
        let Self { card, file, .. } = self;
        let next = match language {
            Language::English => {
                format!("for card {card}: carry the voucher to it with `cardctl load {file}`")
            }
            Language::Arabic => Situation::PaidNotLoaded.text(language).to_string(),
        };
        format!("{}\n{next}", self.sold.text(language))
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
