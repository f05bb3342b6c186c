//! The slip for a step of a card's life.

use card_core::units::CardTime;

use crate::PaperError;
use crate::look::Look;
use crate::sheet::{Block, Line, Run, Sheet, identifier};
use crate::words::{
    ACCOUNT, CARD, DATE, KEEP, METER, NEXT, NUMBER, REASON, SALE, SLIP_BLOCKED, SLIP_ISSUED, SLIP_REPLACED,
    SLIP_UNBLOCKED, Words,
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
}

impl SlipKind {
    const fn words(self) -> Words {
        match self {
            Self::Issued => SLIP_ISSUED,
            Self::Replaced => SLIP_REPLACED,
            Self::Blocked => SLIP_BLOCKED,
            Self::Unblocked => SLIP_UNBLOCKED,
        }
    }
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
