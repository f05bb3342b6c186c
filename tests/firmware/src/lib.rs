//! What the images for a chip have in common: a card before the meter, and the issuer of both, with keys that everybody knows.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(feature = "bench")]
pub mod card;
#[cfg(feature = "bench")]
pub mod chip;
#[cfg(feature = "bench")]
mod interface;
#[cfg(feature = "bench")]
pub mod issuer;

#[cfg(feature = "bench")]
pub use interface::*;

#[cfg(not(feature = "bench"))]
use card_meter as _;
