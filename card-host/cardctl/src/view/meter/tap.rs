//! `cardctl meter tap`.

use card_core::meter::MeterState;
use card_core::text::{Language, Situation};
use card_core::units::Balance;
use card_host::tap::Tap;
use serde::Serialize;
use std::fmt::Write as _;

use crate::view::verdict::{Taken, VerdictView};
use crate::view::{View, customer};

/// What came of a visit.
#[derive(Serialize)]
pub(crate) struct Tapped {
    #[serde(flatten)]
    verdict: VerdictView,
    #[serde(skip_serializing_if = "Option::is_none")]
    loan: Option<&'static str>,
    balance: i64,
    settled: bool,
    mail: Vec<Taken>,
    time: u64,
    #[serde(skip)]
    lent: Option<Situation>,
}

impl Tapped {
    /// `loan` is what is to be said of an emergency loan.
    pub(crate) fn new(tap: &Tap, state: &MeterState, loan: Option<Situation>) -> Self {
        Self {
            verdict: tap.verdict.into(),
            loan: loan.map(customer::code),
            balance: state.balance.0,
            settled: tap.settled,
            mail: tap.received.iter().map(Taken::from).collect(),
            time: state.clock.time.to_unix(),
            lent: loan,
        }
    }
}

impl View for Tapped {
    fn text(&self, language: Language) -> String {
        let mut text = self.verdict.text(language);
        for mail in &self.mail {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", mail.text(language));
        }
        if let Some(loan) = self.lent {
            let _ = write!(text, "\n{}", loan.text(language));
        }
        let balance = customer::amount(Balance(self.balance), language);
        let _ = write!(text, "\n{}: {balance}", language.balance_in_the_meter());
        text
    }

    fn is_good(&self) -> bool {
        self.verdict.is_good()
    }
}
