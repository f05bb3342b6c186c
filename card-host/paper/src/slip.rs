//! The slip for a step of a card's life.

use card_core::units::CardTime;
use maud::html;

use crate::page::{Line, Look, identifier, lines, page};
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
    pub fn page(&self, look: Look) -> String {
        let language = look.language;
        let mut about = vec![
            Line::strong(CARD.of(language), identifier(&self.card)),
            Line::new(DATE.of(language), look.time(self.time)),
            Line::new(METER.of(language), identifier(self.meter)),
            Line::new(ACCOUNT.of(language), identifier(self.account)),
            Line::new(NUMBER.of(language), identifier(&self.number)),
        ];
        if !self.reason.is_empty() {
            about.push(Line::new(REASON.of(language), html! { bdi { (self.reason) } }));
        }
        let title = self.kind.words().of(language);
        let content = html! {
            (lines(title, &about))
            h2 { (NEXT.of(language)) }
            p.next { (self.next) }
            p.note { (KEEP.of(language)) }
        };
        page(&look, title, SALE.of(language), &content)
    }
}
