//! How a channel (a kiosk, a bank, a wallet) sells prepaid electricity: docs/channels.md in code.
//!
//! - [`wire`]: what channel and issuer's server say to each other, as plain types; both sides use them.
//! - [`client`] (feature `client`): a channel's side, light enough for a kiosk, and its journal, so that a power cut loses no sale
//!   and makes none twice.

#[cfg(feature = "client")]
pub mod client;
pub mod wire;
