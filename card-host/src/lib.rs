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
//! - [`card_work`]: what a branch or a kiosk does with the card in its reader, whatever keeps its books.
//! - `stage` (feature `simulator`): simulated cards, one of which is in the reader.
//! - `ledger` (feature `ledger`): the issuer's books, and what a branch does with a card over them; `tour` plays the main job on it.
//!
//! A card is issued, charged and tapped (with the features `simulator` and `ledger`):
//!
#![cfg_attr(all(feature = "simulator", feature = "ledger"), doc = "```")]
#![cfg_attr(not(all(feature = "simulator", feature = "ledger")), doc = "```ignore")]
//! use card_host::card_core::{id::{Channel, MeterId}, key::KeyLength, scp03::Mode, units::Piastres};
//! use card_host::card_work::CardChoice;
//! use card_host::keystore::SoftwareKeyStore;
//! use card_host::ledger::Development;
//! use card_host::random::OsRandom;
//! use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
//! use card_host::stage::blank_card;
//! use card_host::transport::{Card, Simulator};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?;
//! let company = Development::new(keys)?;
//! let (office, who) = (&company.office, &company.who);
//! let (scope, meter) = (office.scope(), MeterId::from(17));
//! let mut card = Card::open(Simulator::new(blank_card("contactless".parse()?)?));
//! let choice = CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };
//! let issued = office.issue(who, &company.id(), &mut card, meter, 4711, choice, &mut |step| println!("{step}"))?;
//! let voucher = company.sell(issued.account.card.id, Piastres::from_egp("50.00")?, Channel::Branch)?;
//! office.load(who, &mut card, &voucher)?;
//! let keys = company.keys.meter_keys(scope, meter)?;
//! let mut meter = SimulatedMeter::in_memory(meter, scope, keys, &from_the_maker())?;
//! meter.tap(&mut card, office.now()?)?;
//! assert_eq!(meter.state()?.balance.to_string(), "50.00");
//! # Ok(())
//! # }
//! ```
//!
//! Every error says what is wrong and what to do; [`Error`] holds them all.

pub mod card;
pub mod card_work;
pub mod channel;
#[cfg(feature = "client")]
pub mod client;
mod durable;
pub mod error;
pub mod issuer;
pub mod keystore;
#[cfg(feature = "ledger")]
pub mod ledger;
pub mod operate;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod personalise;
pub mod random;
pub mod reader_error;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "simulator")]
pub mod simulated_meter;
#[cfg(feature = "simulator")]
pub mod stage;
pub mod tap;
#[cfg(feature = "tariff")]
pub mod tariff_file;
pub mod tlv;
#[cfg(all(feature = "simulator", feature = "ledger"))]
pub mod tour;
pub mod transport;
#[cfg(any(feature = "server", feature = "client"))]
pub mod wire;

#[cfg(feature = "simulator")]
pub use applet_sim;
pub use card_core;
pub use error::Error;
pub use reader_error::{Holder, ReaderError};
pub use transport::{Card, Link, Transport, TransportError};
