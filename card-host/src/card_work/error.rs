//! Why it was not done.

use card_core::id::{CardId, MeterId};
use card_core::parameters::ParameterError;
use card_core::platform::RandomError;
use card_core::terminal::load::Misfit;

use crate::card::CardError;
use crate::keystore::KeyStoreError;
use crate::operate::OperateError;
use crate::personalise::PersonaliseError;
use crate::transport::TransportError;

/// Why something was not done with the card in the reader.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardWorkError {
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// Personalisation.
    #[error(transparent)]
    Personalise(#[from] PersonaliseError),
    /// An issued card.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// Talking to the card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The voucher or mail is not for the card that is there. Nothing was sent.
    #[error("{0}")]
    Misfit(#[from] Misfit),
    /// What a meter's mail says.
    #[error("{0}")]
    Parameters(ParameterError),
    /// The card in the reader is already in use for something else.
    #[error("card {card} is issued already, for meter {meter}: use a blank card")]
    AlreadyIssued {
        /// The card.
        card: CardId,
        /// Its meter.
        meter: MeterId,
    },
    /// The card's receipt is authentic, but not about this.
    #[error(
        "the card's receipt is not about this voucher: treat it as forged, and look at the card with `show`"
    )]
    OtherReceipt,
    /// No random numbers.
    #[error("{0}: the operating system's random number source must work")]
    Random(#[from] RandomError),
}

impl From<TransportError> for CardWorkError {
    fn from(error: TransportError) -> Self {
        Self::Card(error.into())
    }
}

impl From<ParameterError> for CardWorkError {
    fn from(error: ParameterError) -> Self {
        Self::Parameters(error)
    }
}
