//! What card, terminal and meter of the prepaid electricity card share.
#![no_std]

pub mod access_number;
pub mod apdu;
pub mod bytes;
pub mod id;
pub mod kdf;
pub mod key;
pub mod layout;
pub mod message;
pub mod meter;
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
