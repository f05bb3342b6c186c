//! The host's side of the prepaid electricity card: readers, transports, key stores, issuing and personalisation.
//!
//! From the bottom up:
//!
//! - [`transport`]: bytes to bytes, in layers that stack; [`pcsc`] (feature `pcsc`) is the real one at the bottom.
//! - [`card`]: what is asked of a card without keys; [`tlv`] reads what it answers; [`channel`] adds SCP03.
//! - [`keystore`]: what a hardware security module does for an issuer, and a software stand-in for development.
//! - [`issuer`]: running totals of a binding, and the messages that certify them.
//! - [`personalise`]: makes a blank card a customer's card.
//! - `tariff_file` (feature `tariff`): tariffs from TOML files.
//!
//! Every error says what is wrong and what to do; [`Error`] holds them all.

pub mod card;
pub mod channel;
pub mod desk;
mod durable;
pub mod error;
pub mod issuer;
pub mod keystore;
pub mod operate;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod personalise;
pub mod random;
pub mod reader_error;
#[cfg(feature = "simulator")]
pub mod simulated_meter;
pub mod tap;
#[cfg(feature = "tariff")]
pub mod tariff_file;
pub mod tlv;
#[cfg(feature = "simulator")]
pub mod tour;
pub mod transport;

pub use card_core;
pub use error::Error;
pub use reader_error::{Holder, ReaderError};
pub use transport::{Transport, TransportError};
