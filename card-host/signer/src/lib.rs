//! A signer that remembers (docs/signer.md): a key store that signs certificates which only rise, below ceilings and with keys that are valid,
//! and that knows how far the ledger had come.
//!
//! [`rules`] decides, [`Memory`] keeps what it decides by, [`Signer`] is the key store over both.

mod memory;
pub mod rules;
mod signer;
mod table;

pub use memory::{Durability, Memory};
pub use signer::Signer;
