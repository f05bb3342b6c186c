//! The host's side of the prepaid electricity card: readers, transports, key stores, issuing and personalisation.
//!
//! From the bottom up:
//!
//! - [`transport`]: bytes to bytes. `pcsc` (feature `pcsc`) opens the card in a reader; [`Card::open`] opens one behind any link,
//!   as `transport::Simulator` (feature `simulator`) in the same process.
//! - [`card`]: what is asked of a card without keys; [`tlv`] reads what it answers; [`channel`] adds SCP03.
//! - [`keystore`]: what a hardware security module does for an issuer, and a software stand-in for development.
//! - [`issuer`]: running totals of a binding, and the messages that certify them. [`personalise`]: makes a blank card a customer's
//!   card. [`operate`]: reads, moves and blocks an issued card. A vending system with a ledger of its own builds on these three.
//! - [`tap`]: a card at a meter; `simulated_meter` (feature `simulator`) is one, at which days can pass.
//! - [`desk`]: all of it together for simulations, with bindings in memory, and mail to meters; `tour` plays the main job on it.
//!
//! A card is issued, charged and tapped (with the features `simulator`):
//!
#![cfg_attr(feature = "simulator", doc = "```")]
#![cfg_attr(not(feature = "simulator"), doc = "```ignore")]
//! use card_host::card_core::{id::{Channel, MeterId}, key::KeyLength, scp03::Mode, units::Piastres};
//! use card_host::desk::{CardChoice, Desk, development_scope};
//! use card_host::keystore::SoftwareKeyStore;
//! use card_host::random::OsRandom;
//! use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
//! use card_host::tour::blank_card;
//! use card_host::transport::{Simulator, Card};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?;
//! let mut desk = Desk::new(keys, development_scope());
//! let (scope, meter) = (desk.scope(), MeterId::from(17));
//! let mut card = Card::open(Simulator::new(blank_card("contactless".parse()?)?));
//! let choice = CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };
//! let issued = desk.issue(&mut card, meter, 4711, choice, &mut |step| println!("{step}"))?;
//! let voucher = desk.sell(issued.account.card.id, Piastres::from_egp("50.00")?, Channel::Branch)?;
//! desk.load(&mut card, &voucher)?;
//! let keys = desk.keys().meter_keys(scope, meter)?;
//! let mut meter = SimulatedMeter::in_memory(meter, scope, keys, &from_the_maker())?;
//! meter.tap(&mut card, desk.now())?;
//! assert_eq!(meter.state()?.balance.to_string(), "50.00");
//! # Ok(())
//! # }
//! ```
//!
//! Every error says what is wrong and what to do.

pub mod card;
pub mod channel;
pub mod desk;
pub mod durable;
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

#[cfg(feature = "simulator")]
pub use applet_sim;
pub use card_core;
pub use reader_error::{Holder, ReaderError};
pub use transport::{Card, Link, Transport, TransportError};
