//! A signer that remembers (docs/signer.md): a key store that signs certificates which only rise, below ceilings and with keys that are valid,
//! and that knows how far the ledger had come.
//!
//! [`rules`] decides, [`Memory`] keeps what it decides by, [`Signer`] is the key store over both. In a process of its own (Linux), `serve` answers
//! for it on a socket, and `RemoteSigner` is the key store that asks there.

#[cfg(target_os = "linux")]
mod client;
mod custody;
mod memory;
pub mod rules;
#[cfg(target_os = "linux")]
mod server;
mod signer;
mod table;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(target_os = "linux")]
pub use client::{RemoteError, RemoteSigner};
pub use custody::{Asked, Change, Custodian, CustodyError};
pub use memory::{Durability, Memory};
#[cfg(target_os = "linux")]
pub use server::serve;
pub use signer::Signer;
