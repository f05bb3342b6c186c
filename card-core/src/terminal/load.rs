//! Vouchers and mail to the card (specification, sections 9 and 10). No session is needed: these carry their own authority.

use super::Request;
use crate::bytes::Reader;
use crate::id::{CardId, Channel, Scope, State};
use crate::layout::{CardSummary, Instruction};
use crate::message::{Delivery, Envelope, FormatError, Receipt, Slot, Voucher};

/// What a card did with a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadOutcome {
    /// 01: the card has the certificate now.
    Loaded,
    /// 02: the card had it already; nothing was written.
    AlreadyLoaded,
    /// 03: the card has a newer one, which contains it; nothing was written.
    Older,
    /// 04: the same totals, certified anew.
    Refreshed,
}

/// Answer to LOAD VOUCHER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadAnswer {
    /// What the card did.
    pub outcome: LoadOutcome,
    /// What the card holds after it; its code is not checked here.
    pub receipt: Receipt,
}

/// LOAD VOUCHER with the voucher's bytes. Every outcome is a success for the customer: the credit is on the card. It can be
/// repeated.
pub const fn load_voucher(voucher: &[u8; Voucher::SIZE]) -> Request<'_, LoadAnswer> {
    Request::new(Instruction::LoadVoucher, [0, 0], voucher, |data| {
        let mut reader = Reader::new(data);
        let outcome = match reader.u8()? {
            1 => LoadOutcome::Loaded,
            2 => LoadOutcome::AlreadyLoaded,
            3 => LoadOutcome::Older,
            4 => LoadOutcome::Refreshed,
            _ => return Err(FormatError::Field),
        };
        Ok(LoadAnswer { outcome, receipt: Receipt::parse(reader.rest())? })
    })
}

/// What a card, or its mail directory, did with an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailAnswer {
    /// `true`: outcome 01, stored; `false`: outcome 02, it was there already.
    pub stored: bool,
    /// The slot.
    pub slot: Slot,
    /// The version that the slot has now.
    pub version: u32,
}

impl MailAnswer {
    pub(super) fn parse(data: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(data);
        let stored = match reader.u8()? {
            1 => true,
            2 => false,
            _ => return Err(FormatError::Field),
        };
        let slot = Slot::new(reader.u8()?).ok_or(FormatError::Field)?;
        let version = reader.u32()?;
        reader.end()?;
        Ok(Self { stored, slot, version })
    }
}

/// PUT MAIL with the bytes of a delivery. It can be repeated.
pub const fn put_mail(delivery: &[u8]) -> Request<'_, MailAnswer> {
    Request::new(Instruction::PutMail, [0, 0], delivery, MailAnswer::parse)
}

/// GET MAIL: the sealed envelope in a slot. Absent where the slot is empty.
pub const fn get_mail(slot: Slot) -> Request<'static, Envelope> {
    Request::new(Instruction::GetMail, [slot.number(), 0], &[], Envelope::parse)
}

/// Why a voucher or a delivery is not for the card that is there. Nothing has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The card would answer 9402.
    #[error("this is from another electricity company: go to the company that issued the card")]
    OtherCompany,
    /// The card would answer 9403.
    #[error(
        "test and production do not mix, and one of the two is for tests only: use a card of the same kind, or ask your electricity company"
    )]
    OtherEnvironment,
    /// The card would answer 9401.
    #[error("this is for card {expected}, and card {present} is there: use the card that it was issued for")]
    OtherCard {
        /// The card that it is for.
        expected: CardId,
        /// The card that is there.
        present: CardId,
    },
    /// The card would answer 9406.
    #[error(
        "this is for generation {expected} of the card, and generation {present} is there: use the newest card, and fetch the charge again from where you bought it"
    )]
    OtherGeneration {
        /// The generation that it is for.
        expected: u16,
        /// That of the card that is there.
        present: u16,
    },
    /// The card would answer 6985. `None`: its memory has failed.
    #[error("the card's state does not allow loading: {}", in_words(*.0))]
    State(Option<State>),
    /// The card would answer 940D.
    #[error("the card is not activated yet: make the first charge at a branch")]
    NotActivated,
}

const fn in_words(state: Option<State>) -> &'static str {
    match state {
        None => {
            "the card's memory has failed: replace the card at a branch; its credit is on record at the company"
        }
        Some(State::Blank) => "the card has not been issued yet: have it issued at a branch",
        Some(State::Personalised) => "the card is not activated yet: make the first charge at a branch",
        Some(State::Active) => "the card is active: charge it, and take it to your meter",
        Some(State::Blocked) => {
            "the card is blocked: ask at a branch, also where it was reported lost and has been found"
        }
        Some(State::Terminated) => {
            "the card has been taken out of use: use your new card, or get one at a branch"
        }
    }
}

/// Whether a voucher fits the card that is there, as far as SELECT tells; the card knows more.
pub fn fits(voucher: &Voucher, card: &CardSummary) -> Result<(), Misfit> {
    addressed(voucher.scope, voucher.card, card)?;
    let expected = voucher.certificate.generation;
    if expected != card.card.generation {
        return Err(Misfit::OtherGeneration { expected, present: card.card.generation });
    }
    can_load(voucher.channel, card)
}

/// Whether the card that is there would take a voucher of this channel, as far as SELECT tells: to be asked before anything is sold.
pub fn can_load(channel: Channel, card: &CardSummary) -> Result<(), Misfit> {
    match card.state {
        Some(State::Personalised) if channel != Channel::Branch => Err(Misfit::NotActivated),
        state => loadable(state),
    }
}

/// Whether a mail delivery fits the card that is there, as far as SELECT tells.
pub fn mail_fits(delivery: &Delivery<'_>, card: &CardSummary) -> Result<(), Misfit> {
    addressed(delivery.scope, delivery.card, card)?;
    loadable(card.state)
}

/// In the order in which the card checks (specification, sections 9 and 10).
fn addressed(scope: Scope, expected: CardId, card: &CardSummary) -> Result<(), Misfit> {
    if scope.company != card.scope.company {
        Err(Misfit::OtherCompany)
    } else if scope.environment != card.scope.environment {
        Err(Misfit::OtherEnvironment)
    } else if expected != card.card.id {
        Err(Misfit::OtherCard { expected, present: card.card.id })
    } else {
        Ok(())
    }
}

fn loadable(state: Option<State>) -> Result<(), Misfit> {
    match state {
        Some(state) if Instruction::LoadVoucher.allowed_in(state) => Ok(()),
        state => Err(Misfit::State(state)),
    }
}
