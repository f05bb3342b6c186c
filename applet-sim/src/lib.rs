//! The card application ([`application`]: `no_std`, no heap), and, with the feature `simulator`, a simulated chip around it
//! and a virtual PC/SC reader.
#![cfg_attr(not(feature = "simulator"), no_std)]

pub mod application;

#[cfg(feature = "simulator")]
pub mod card;
#[cfg(feature = "simulator")]
pub mod chip;
#[cfg(feature = "simulator")]
pub mod vpcd;
