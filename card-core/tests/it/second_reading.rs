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

mod support;

#[path = "second_reading/calendar.rs"]
mod calendar;
#[path = "second_reading/derivation.rs"]
mod derivation;
#[path = "second_reading/engine.rs"]
mod engine;
#[path = "second_reading/mail.rs"]
mod mail;
#[path = "second_reading/messages.rs"]
mod messages;
#[path = "second_reading/parameters.rs"]
mod parameters;
#[path = "second_reading/records.rs"]
mod records;
#[path = "second_reading/scp03.rs"]
mod scp03;
#[path = "second_reading/vectors.rs"]
mod vectors;
