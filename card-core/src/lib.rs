//! What card, terminal and meter of the prepaid electricity card share: `no_std`, no heap, no panics on foreign bytes.
//!
//! Where to begin:
//!
//! - A phone, a kiosk or a branch desk: [`terminal`], what is said to a card and how its answers are read, without any I/O.
//! - A meter: [`meter`], its credit application, and [`meter::Visit`], a card's whole visit; [`tariff`] rates what is consumed.
//! - An issuer: [`message`], certificates, vouchers, receipts and mail; [`role`], how each key is derived.
//! - A card: [`layout`], files, commands and rights as tables; [`scp03`]; [`store`], the tear-safe memory.
//! - What is said to customers: [`text`].
//!
//! A voucher is loaded in two exchanges:
//!
//! ```
//! use card_core::message::Voucher;
//! use card_core::terminal::load::{LoadOutcome, fits, load_voucher};
//! use card_core::terminal::select::{select, selected};
//!
//! fn load(voucher: &Voucher, mut exchange: impl FnMut(&[u8]) -> Vec<u8>) -> Result<LoadOutcome, Box<dyn std::error::Error>> {
//!     let command = select().emit()?;
//!     let card = selected(&exchange(command.as_slice()))?;
//!     fits(voucher, &card)?;
//!     let bytes = voucher.emit();
//!     let request = load_voucher(&bytes);
//!     let command = request.command().emit()?;
//!     Ok(request.response(&exchange(command.as_slice()))?.outcome)
//! }
//! ```
#![no_std]

pub mod access_number;
pub mod apdu;
pub mod bytes;
pub mod calendar;
pub mod id;
pub mod kdf;
pub mod key;
mod key_version;
pub mod key_wrap;
pub mod layout;
pub mod message;
pub mod meter;
pub mod modes;
pub mod numerals;
pub mod parameters;
pub mod platform;
pub mod role;
pub mod scp03;
pub mod siv;
pub mod soft;
pub mod store;
pub mod tariff;
pub mod terminal;
pub mod text;
pub mod units;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
