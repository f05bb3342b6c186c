//! The slip for a step of a card's life.

use card_core::units::{CardTime, Piastres};

use crate::PaperError;
use crate::look::Look;
use crate::sheet::{Block, Line, Run, Sheet, identifier};
use crate::words::{
    ACCOUNT, CARD, DATE, GIVEN_BACK, KEEP, KEPT, METER, NEXT, NUMBER, OWED, REASON, SALE, SLIP_BLOCKED,
    SLIP_ENDED, SLIP_GIVEN_BACK, SLIP_ISSUED, SLIP_REPLACED, SLIP_UNBLOCKED, Words,
};

/// Which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipKind {
    /// A first card.
    Issued,
    /// A card in the place of another one.
    Replaced,
    /// Nothing is sold to the card any more.
    Blocked,
    /// Something is sold to it again.
    Unblocked,
    /// Its contract has ended.
    Ended,
    /// What was left in its contract was given back.
    GivenBack,
}

impl SlipKind {
    const fn words(self) -> Words {
        match self {
            Self::Issued => SLIP_ISSUED,
            Self::Replaced => SLIP_REPLACED,
            Self::Blocked => SLIP_BLOCKED,
            Self::Unblocked => SLIP_UNBLOCKED,
            Self::Ended => SLIP_ENDED,
            Self::GivenBack => SLIP_GIVEN_BACK,
        }
    }
}

/// What became of what was left in a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// Given back.
    pub paid: Piastres,
    /// Kept, since the customer owed it.
    pub debt: Piastres,
    /// Owed from now on, where less than nothing was left.
    pub owed: Piastres,
}

/// A slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Which step.
    pub kind: SlipKind,
    /// Number of its entry: the vending point, and the place in its chain.
    pub number: String,
    /// When.
    pub time: CardTime,
    /// The card, as it is printed on it.
    pub card: String,
    /// The meter's number.
    pub meter: u64,
    /// The customer's account.
    pub account: u64,
    /// The money that it is about, where it is.
    pub returned: Option<Returned>,
    /// Why; empty where nobody had to say.
    pub reason: String,
    /// What to do next, in the language of the page.
    pub next: String,
}

impl Slip {
    /// The page.
    ///
    /// # Errors
    /// None that a slip can have: those of other papers.
    pub fn page(&self, look: Look) -> Result<String, PaperError> {
        self.sheet(look).html()
    }

    /// The same as a PDF.
    ///
    /// # Errors
    /// [`PaperError::Pdf`].
    #[cfg(feature = "pdf")]
    pub fn pdf(&self, look: Look, format: crate::look::Format) -> Result<Vec<u8>, PaperError> {
        self.sheet(look).pdf(format)
    }

    fn sheet(&self, look: Look) -> Sheet<'_> {
        let language = look.language;
        let mut about = vec![
            Line::strong(CARD.of(language), identifier(&self.card)),
            Line::new(DATE.of(language), look.time(self.time)),
            Line::new(METER.of(language), identifier(self.meter)),
            Line::new(ACCOUNT.of(language), identifier(self.account)),
            Line::new(NUMBER.of(language), identifier(&self.number)),
        ];
        if let Some(Returned { paid, debt, owed }) = self.returned {
            about.push(Line::strong(GIVEN_BACK.of(language), look.amount(paid)));
            let others = [(KEPT, debt), (OWED, owed)].into_iter().filter(|(_, amount)| amount.0 > 0);
            about.extend(others.map(|(what, amount)| Line::new(what.of(language), look.amount(amount))));
        }
        if !self.reason.is_empty() {
            about.push(Line::new(REASON.of(language), vec![Run::Own(self.reason.clone())]));
        }
        let title = self.kind.words().of(language);
        let blocks = vec![
            Block::Lines(title, about),
            Block::Heading(NEXT.of(language)),
            Block::Next(&self.next),
            Block::Note(KEEP.of(language)),
        ];
        Sheet { look, title, under: SALE.of(language), blocks }
    }
}
