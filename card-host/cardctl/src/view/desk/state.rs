//! What the desk shows: what is in the reader, and what became of what was asked for.

use card_core::id::{CardId, MeterId};
use card_core::text::Situation;
use card_core::units::{Balance, CardTime, Piastres};
use card_ledger::{CardPolicy, Payee, ReplaceReason};

/// What is in the reader.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Empty,
    /// Another program uses the reader, or the data directory.
    Busy,
    /// It cannot be read: in English and in Arabic.
    Unreadable([String; 2]),
    /// A card, of which a holder's page says no more.
    There,
    Card(Box<Shown>),
}

/// A card of ours.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) card: CardId,
    pub(crate) blank: bool,
    /// What it is, and what the meter has told.
    pub(crate) situations: Vec<Situation>,
    /// What waits on the card, and the balance at the meter with its time; nothing where they are private.
    pub(crate) waiting: Option<Piastres>,
    pub(crate) at_meter: Option<(Balance, CardTime)>,
    pub(crate) standing: Standing,
    /// What is asked for at a desk.
    pub(crate) rules: Option<CardPolicy>,
}

/// How a card stands in the ledger, which the card itself does not know.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Contract {
        account: u64,
        meter: u64,
        blocked: bool,
    },
    /// Why nothing can be sold to it: in English and in Arabic.
    None([String; 2]),
}

/// What is asked for.
#[derive(Clone)]
pub(crate) enum Action {
    Sell {
        card: CardId,
        amount: Piastres,
    },
    /// What was sold and has not arrived; or a replacement that has to be activated.
    Refresh {
        card: CardId,
    },
    Block {
        of: Payee,
        blocked: bool,
        reason: String,
    },
    Replace {
        meter: MeterId,
        account: u64,
        reason: ReplaceReason,
    },
}

/// What became of it.
pub(crate) struct Done {
    pub(crate) action: Action,
    /// In English and in Arabic.
    pub(crate) said: [String; 2],
    pub(crate) outcome: Outcome,
    /// What is shown once, as an access number is.
    pub(crate) once: Option<[String; 2]>,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Announced: another person has to agree.
    SecondPerson,
    /// Paid and booked, and not on the card: to be repeated with the card in the reader.
    NotLoaded,
    /// The same again may succeed, and is not done twice.
    Failed,
}
