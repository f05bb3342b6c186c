//! The host's side of the prepaid electricity card: readers, transports, key stores, issuing and personalisation.
//!
//! From the bottom up:
//!
//! - [`transport`]: bytes to bytes. `pcsc` (feature `pcsc`) opens the card in a reader; [`Card::open`] opens one behind any link,
//!   as `transport::Simulator` (feature `simulator`) in the same process, or [`transport::TcpCard`] at a port.
//! - [`card`]: what is asked of a card without keys; [`tlv`] reads what it answers; [`channel`] adds SCP03.
//! - [`keystore`]: what a hardware security module does for an issuer, and a software stand-in for development.
//! - [`issuer`]: running totals of a binding, and the messages that certify them. [`personalise`]: makes a blank card a customer's
//!   card. [`operate`]: reads, moves and blocks an issued card. A vending system with a ledger of its own builds on these three.
//! - [`doctor`]: looks at everything between a program and a card, and names what is wrong.
//! - [`tap`]: a card at a meter; `simulated_meter` (feature `simulator`) is one, at which days can pass.
//! - [`card_work`]: what a branch or a kiosk does with the card in its reader, whatever keeps its books.
//! - `stage` (feature `simulator`): simulated cards, one of which is in the reader.
//!
//! A blank card says who it is (with the feature `simulator`; what a branch does with it is shown by the crate `card-ledger`):
//!
#![cfg_attr(feature = "simulator", doc = "```")]
#![cfg_attr(not(feature = "simulator"), doc = "```ignore")]
//! use card_host::card_core::id::State;
//! use card_host::operate;
//! use card_host::transport::Card;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut card = Card::simulated()?;
//! let public = operate::read_public(&mut card)?;
//! assert_eq!(public.status.state, Some(State::Blank));
//! # Ok(())
//! # }
//! ```
//!
//! Every error says what is wrong and what to do.

pub mod atr;
pub mod card;
pub mod card_work;
pub mod channel;
pub mod doctor;
pub mod durable;
pub mod issuer;
pub mod keystore;
pub mod national_id;
pub mod operate;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod personalise;
pub mod random;
pub mod reader_error;
#[cfg(feature = "simulator")]
pub mod simulated_meter;
#[cfg(feature = "simulator")]
pub mod stage;
pub mod tap;
#[cfg(feature = "tariff")]
pub mod tariff_file;
pub mod text_file;
pub mod tlv;
pub mod transport;

#[cfg(feature = "simulator")]
pub use applet_sim;
pub use card_core;
pub use reader_error::{Holder, ReaderError};
pub use transport::{Card, Link, Transport, TransportError};
