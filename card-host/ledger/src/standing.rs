//! How a card stands by the ledger, which the card itself does not know (docs/ledger.md, section 7).

use card_core::id::CardId;

use super::entry::{Kind, codes};
use super::error::LedgerError;
use super::records::{BindingRecord, CardUse, Status};
use super::store::{Ledger, Payee, Transaction, read};

codes! {
    /// Why a card is replaced.
    ReplaceReason {
        /// The customer has it no more.
        Lost = "lost",
        /// It works no more.
        Damaged = "damaged",
        /// It takes the place of a card of a former kind.
        Upgrade = "upgrade",
        /// It was handed back, such as by whoever has found it.
        Returned = "returned",
    }
}

codes! {
    /// How a card stands.
    Standing {
        /// It serves its contract.
        InUse = "in-use",
        /// Nothing is sold to it until somebody ends that, or replaces it.
        Blocked = "blocked",
        /// Another card has taken its place.
        Replaced = "replaced",
        /// Its contract has ended.
        Ended = "ended",
        /// A technician's.
        Engineering = "engineering",
        /// It was not issued here.
        Unknown = "unknown",
    }
}

/// How a card stands, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardStanding {
    /// How.
    pub standing: Standing,
    /// Why it was blocked or replaced (`lost`), or its contract was ended (`moved-out`); empty where nobody has said it.
    pub reason: String,
    /// The card that has taken its place.
    pub by: Option<CardId>,
}

/// How many of a binding's newest entries are looked at for the reason.
const LOOK_BACK: u32 = 1000;

/// How a card stands by the books.
pub fn standing(ledger: &dyn Ledger, card: CardId) -> Result<CardStanding, LedgerError> {
    read(ledger, |t| {
        let of = |standing| CardStanding { standing, reason: String::new(), by: None };
        let Some(held) = t.card(card)? else { return Ok(of(Standing::Unknown)) };
        if held.used == CardUse::Engineering {
            return Ok(of(Standing::Engineering));
        }
        let Some(record) = t.binding(Payee::Binding(held.binding))? else { return Ok(of(Standing::Unknown)) };
        if held.used == CardUse::Replaced {
            let (reason, by) = replaced_by(t, &record, card)?;
            return Ok(CardStanding { standing: Standing::Replaced, reason, by });
        }
        if record.status != Status::Open {
            return Ok(CardStanding { reason: why_ended(t, &record, card)?, ..of(Standing::Ended) });
        }
        if !record.blocked {
            return Ok(of(Standing::InUse));
        }
        let mut entries = t.history(record.binding(), LOOK_BACK)?.into_iter();
        let block = entries.find(|entry| entry.kind == Kind::Block && entry.card == Some(card));
        let reason = block.map(|entry| entry.reason).unwrap_or_default();
        Ok(CardStanding { reason, ..of(Standing::Blocked) })
    })
}

/// Why the contract of a card was ended: that of nobody's contract, which came after it.
fn why_ended(t: &mut dyn Transaction, record: &BindingRecord, card: CardId) -> Result<String, LedgerError> {
    if !record.is_nobodys() {
        return Ok(String::new());
    }
    let mut entries = t.history(record.binding(), LOOK_BACK)?.into_iter();
    let end = entries.find(|entry| entry.kind == Kind::End && entry.card == Some(card));
    Ok(end.map(|end| end.reason).unwrap_or_default())
}

/// Why a card was replaced, and by which: the oldest replacement after it was in use.
fn replaced_by(
    t: &mut dyn Transaction,
    record: &BindingRecord,
    card: CardId,
) -> Result<(String, Option<CardId>), LedgerError> {
    let mut last = (String::new(), Some(record.held.card.id));
    for entry in t.history(record.binding(), LOOK_BACK)? {
        if entry.card == Some(card) {
            break;
        }
        if entry.kind == Kind::Replace {
            last = (entry.reason, entry.card);
        }
    }
    Ok(last)
}
