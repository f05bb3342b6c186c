//! What card, terminal and meter of the prepaid electricity card share.
#![no_std]

pub mod bytes;
pub mod key;
pub mod platform;
