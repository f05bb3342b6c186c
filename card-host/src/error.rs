//! Everything that can go wrong, in one type.

use crate::card::CardError;
use crate::card_work::CardWorkError;
use crate::issuer::{AccountError, IssuerError};
use crate::keystore::KeyStoreError;
use crate::operate::OperateError;
use crate::personalise::PersonaliseError;
use crate::reader_error::ReaderError;
use crate::tap::TapError;
use crate::tlv::TlvError;
use crate::transport::{RecordingError, TransportError};

/// Any error of this library. What it shows says what is wrong and, behind the last colon, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reader, or card in it.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// Between program and card.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The card's answer.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A data object of the card.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// A recording of exchanges.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// Keys.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The totals of a binding.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Signing.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Personalisation.
    #[error(transparent)]
    Personalise(#[from] PersonaliseError),
    /// An issued card.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// Work with the card in the reader.
    #[error(transparent)]
    CardWork(#[from] CardWorkError),
    /// A visit at a meter.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// A simulated meter.
    #[cfg(feature = "simulator")]
    #[error(transparent)]
    SimulatedMeter(#[from] crate::simulated_meter::SimulatedMeterError),
}
