//! A simulated card: the card application ([`card_applet`]) on a simulated chip.
//!
//! - [`card`]: `SimulatedCard`, a whole card for tests, in memory or in an image file, with the cost of every command.
//! - [`chip`]: its memory, with power cuts, weak bits and wear, and what each operation of the chip costs.
//! - [`vpcd`]: a virtual PC/SC reader to put it into.
//! - `endpoint` (feature `endpoint`): a card at a port of its own, over TCP and HTTP.

pub mod card;
pub mod chip;
#[cfg(feature = "endpoint")]
pub mod endpoint;
pub mod vpcd;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
