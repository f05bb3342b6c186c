//! The card application, and a simulated card around it.
//!
//! - [`application`]: what runs on the chip, `no_std` and without a heap. Firmware gives `CardApplication` its memory, AES and random
//!   numbers (`card_core::platform`), or hosts it as an `apdu_app::App` (feature `apdu-app`).
//! - With the feature `simulator` (default): `card::SimulatedCard`, a whole card for tests, in memory or in an image file, with the cost of
//!   every command; `chip`, its memory with power cuts, weak bits and wear; `vpcd`, a virtual PC/SC reader to put it into.
#![cfg_attr(not(feature = "simulator"), no_std)]

pub mod application;

#[cfg(feature = "simulator")]
pub mod card;
#[cfg(feature = "simulator")]
pub mod chip;
#[cfg(feature = "simulator")]
pub mod vpcd;
