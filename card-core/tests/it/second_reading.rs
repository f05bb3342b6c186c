//! The vectors of the program that was written from the specification alone, against this library, in both directions:
//! key derivation, messages, mail, secure channel, local time, what mail says. Every entry of the files is checked; a key that is not
//! known here makes a test fail, so that nothing in a file goes unread.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod calendar;
mod derivation;
mod engine;
mod mail;
mod messages;
mod parameters;
mod records;
mod scp03;
mod tariffs;
mod vectors;
