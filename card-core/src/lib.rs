//! What card, terminal and meter of the prepaid electricity card share.
#![no_std]

pub mod apdu;
pub mod bytes;
pub mod kdf;
pub mod key;
pub mod platform;
pub mod scp03;
pub mod siv;
pub mod soft;
pub mod store;
