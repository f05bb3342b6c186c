//! What became of what a customer has paid, in one sentence for each part: the same words in every program, in every answer and on paper.

use core::fmt;

use super::{Language, isolate};
use crate::units::Piastres;

/// What a customer has paid, and what became of it. Only `credit` reaches the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// What the customer has paid: the sum of the others.
    pub paid: Piastres,
    /// Kept as fees and levies.
    pub fees: Piastres,
    /// Taken for what the customer owes.
    pub debt: Piastres,
    /// What is credited.
    pub credit: Piastres,
}

impl Paid {
    /// In a language: paid, fees, debt, credit. Fees and debt are left out where there are none.
    pub const fn in_words(self, language: Language) -> PaidInWords {
        PaidInWords { of: self, language }
    }
}

/// `Display` writes the sentences, with one space between them.
#[derive(Debug, Clone, Copy)]
pub struct PaidInWords {
    of: Paid,
    language: Language,
}

impl fmt::Display for PaidInWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Paid { paid, fees, debt, credit } = self.of;
        let [of_paid, of_fees, of_debt, of_credit] = match self.language {
            Language::English => ["Paid", "Fees", "Instalment of a debt", "Credit"],
            Language::Arabic => ["المدفوع", "الرسوم", "قسط المديونية", "الرصيد المضاف"],
        };
        let currency = self.language.currency();
        let mut part = |begin: &str, what: &str, amount: Piastres| match self.language {
            Language::English => write!(f, "{begin}{what}: {amount} {currency}."),
            Language::Arabic => write!(f, "{begin}{what}: {} {currency}.", isolate(amount)),
        };
        part("", of_paid, paid)?;
        if fees != Piastres::ZERO {
            part(" ", of_fees, fees)?;
        }
        if debt != Piastres::ZERO {
            part(" ", of_debt, debt)?;
        }
        part(" ", of_credit, credit)
    }
}
