//! What a meter can decide on a certificate, and why it refuses a card (specification, section 11).

use crate::id::State;
use crate::message::{BindingCertificate, Verified};
use crate::units::{Balance, Piastres};

/// The decision on a presented card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The binding that is opened, which closes the meter's own. Never with [`Verdict::Refuse`].
    pub opens: Option<Verified<BindingCertificate>>,
    /// What becomes of the certificate.
    pub verdict: Verdict,
}

/// What becomes of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its totals are above the applied ones; both differences are 0 where it was only certified anew.
    Apply {
        /// Credit to add.
        credit: Piastres,
        /// Corrections to subtract.
        debit: Piastres,
        /// The balance after it.
        balance: Balance,
    },
    /// It has been applied before, or a newer one has.
    Nothing,
    /// The exchange ends.
    Refuse(Reason),
}

/// Why a meter refuses a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// Step 2.
    #[error("the card is from another electricity company")]
    WrongCompany,
    /// Step 2.
    #[error("test and production do not mix, and one of the two is for tests only")]
    WrongEnvironment,
    /// Step 2.
    #[error("the card's memory has failed")]
    CardFailed,
    /// Step 2.
    #[error("{}", in_words(*.0))]
    CardNotActive(State),
    /// Step 2.
    #[error("the card has expired")]
    Expired,
    /// Steps 1 and 3: neither the current nor the previous version of the key.
    #[error("the meter does not know the keys of this card")]
    UnknownKeyVersion,
    /// Step 3.
    #[error("the meter cannot verify the credit on this card")]
    NotAuthentic,
    /// Step 3.
    #[error("the card is for another meter")]
    WrongMeter,
    /// Step 3.
    #[error("the credit on this card was certified for another issue of the card")]
    GenerationMismatch,
    /// Step 4.
    #[error("the card is for an earlier contract of this meter")]
    OldBinding,
    /// Step 4.
    #[error("the meter cannot verify the new contract on this card")]
    BindingNotProven,
    /// Step 5.
    #[error("the card has been replaced by a newer one")]
    ReplacedCard,
    /// Step 6.
    #[error("the meter's memory has gone back to an earlier time")]
    Regressed,
    /// Step 7: the certificate is newer, but a total in it is lower.
    #[error("the credit on this card does not agree with what the meter has added before")]
    Inconsistent,
    /// Step 7: a total above 2^62, or the balance would leave the range of i64 with both differences.
    #[error("the balance would be more than the meter can hold")]
    BalanceOverflow,
}

const fn in_words(state: State) -> &'static str {
    match state {
        State::Blank => "the card has not been issued yet",
        State::Personalised => "the card is not activated yet",
        State::Active => "the card is active",
        State::Blocked => "the card is blocked",
        State::Terminated => "the card has been taken out of use",
    }
}

impl Reason {
    /// As it stands in the event [`CARD_REFUSED`](super::events::code::CARD_REFUSED).
    pub const fn code(self) -> u8 {
        match self {
            Self::WrongCompany => 0x01,
            Self::WrongEnvironment => 0x02,
            Self::CardFailed => 0x03,
            Self::CardNotActive(_) => 0x04,
            Self::Expired => 0x05,
            Self::UnknownKeyVersion => 0x06,
            Self::NotAuthentic => 0x07,
            Self::WrongMeter => 0x08,
            Self::GenerationMismatch => 0x09,
            Self::OldBinding => 0x0A,
            Self::BindingNotProven => 0x0B,
            Self::ReplacedCard => 0x0C,
            Self::Regressed => 0x0D,
            Self::Inconsistent => 0x0E,
            Self::BalanceOverflow => 0x0F,
        }
    }

    /// Whether it is worth an event. What anybody can cause with any card, or is the card's ordinary condition, is not: events
    /// wear the memory.
    pub const fn is_recorded(self) -> bool {
        !matches!(
            self,
            Self::WrongCompany
                | Self::WrongEnvironment
                | Self::CardFailed
                | Self::CardNotActive(_)
                | Self::Expired
        )
    }

    /// Whether it is that the meter's memory has gone back.
    pub const fn is_regression(self) -> bool {
        matches!(self, Self::Regressed)
    }
}

impl Decision {
    pub(super) const fn refuse(reason: Reason) -> Self {
        Self { opens: None, verdict: Verdict::Refuse(reason) }
    }
}
