//! The receipt of a charge.

use card_core::units::{CardTime, Piastres};

use crate::PaperError;
use crate::look::Look;
use crate::sheet::{Block, Line, Sheet, identifier, proof};
use crate::words::{
    ACCOUNT, CARD, CREDIT, DATE, DEBT, METER, NEXT, NUMBER, PAID, PROOF, RECEIPT, SALE, SELLER,
};

/// How what was paid is divided: `paid` is the sum of the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amounts {
    /// What the customer has paid.
    pub paid: Piastres,
    /// Fees and levies, each by its name.
    pub charges: Vec<ChargeLine>,
    /// Taken for what the customer owes.
    pub debt: Piastres,
    /// What is credited.
    pub credit: Piastres,
}

/// A fee or levy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeLine {
    /// What it is for, in the language of the page.
    pub what: String,
    /// How much.
    pub amount: Piastres,
}

/// What was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its number: the vending point, and the place in its chain.
    pub number: String,
    /// When it was sold.
    pub time: CardTime,
    /// How what was paid is divided.
    pub amounts: Amounts,
    /// The card, as it is printed on it; none where its seller does not know it.
    pub card: Option<String>,
    /// The meter's number.
    pub meter: u64,
    /// The customer's account; none on the paper of another seller than the company.
    pub account: Option<u64>,
    /// Where it was sold.
    pub seller: String,
    /// What to do next, in the language of the page.
    pub next: String,
    /// What the QR code says, so that the issuer can find and compare the entry.
    pub proof: String,
}

impl Receipt {
    /// The page.
    ///
    /// # Errors
    /// [`PaperError::Proof`] where the proof does not fit a QR code.
    pub fn page(&self, look: Look) -> Result<String, PaperError> {
        self.sheet(look)?.html()
    }

    /// The same as a PDF.
    ///
    /// # Errors
    /// Those of [`page`](Self::page), and [`PaperError::Pdf`].
    #[cfg(feature = "pdf")]
    pub fn pdf(&self, look: Look, format: crate::look::Format) -> Result<Vec<u8>, PaperError> {
        self.sheet(look)?.pdf(format)
    }

    fn sheet(&self, look: Look) -> Result<Sheet<'_>, PaperError> {
        let language = look.language;
        let Amounts { paid, charges, debt, credit } = &self.amounts;
        let mut money = vec![Line::strong(PAID.of(language), look.amount(paid))];
        money.extend(charges.iter().map(|line| Line::new(&line.what, look.amount(line.amount))));
        if *debt != Piastres::ZERO {
            money.push(Line::new(DEBT.of(language), look.amount(debt)));
        }
        money.push(Line::strong(CREDIT.of(language), look.amount(credit)));
        let card = self.card.as_ref().map(|card| Line::new(CARD.of(language), identifier(card)));
        let account = self.account.map(|account| Line::new(ACCOUNT.of(language), identifier(account)));
        let about = [
            Some(Line::new(NUMBER.of(language), identifier(&self.number))),
            Some(Line::new(DATE.of(language), look.time(self.time))),
            card,
            Some(Line::new(METER.of(language), identifier(self.meter))),
            account,
            Some(Line::new(SELLER.of(language), identifier(&self.seller))),
        ];
        let about = about.into_iter().flatten().collect();
        let blocks = vec![
            Block::Lines(RECEIPT.of(language), money),
            Block::Heading(NEXT.of(language)),
            Block::Next(&self.next),
            Block::Lines(NUMBER.of(language), about),
            proof(&self.proof, PROOF.of(language))?,
        ];
        Ok(Sheet { look, title: RECEIPT.of(language), under: SALE.of(language), blocks })
    }
}
