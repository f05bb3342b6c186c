//! The card application: what runs on the chip (specification, sections 3 to 13). `no_std`, no heap.
//!
//! Firmware gives [`CardApplication`] its AES, random numbers, memory and a wait ([`card_core::platform`]), and hands it commands:
//!
//! ```
//! use card_applet::{CardApplication, Protocol, Reply};
//! use card_core::platform::Platform;
//!
//! fn answer(chip: impl Platform, command: &[u8]) -> Reply {
//!     let mut card = CardApplication::power_up(chip, Protocol::Block);
//!     let mut reply = Reply::new();
//!     card.process(command, &mut reply);
//!     reply
//! }
//! ```
//!
//! A command passes one gate, which reads it into a closed enum ([`layout`](card_core::layout) says who may do what in which state),
//! and then reaches its handler. What survives a reset is in one struct, `Persistent`, what does not in another, `Volatile`; a handler
//! changes the former by one atomic update at the most. With the feature `apdu-app` it is an `apdu_app::App`.
#![no_std]

#[cfg(feature = "apdu-app")]
mod app;
mod card;
mod checks;
mod exchange;
mod gate;
mod key_records;
mod mail;
mod memory_map;
mod persistent;
mod personalise;
mod read;
mod records;
mod request;
mod session;
mod voucher;

pub use card::{CardApplication, ManufactureError, Protocol, Reply, manufacture};
pub use memory_map::PAGES;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
