//! Card host, with a simulated card.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what is wrong by failing"
)]

mod doctor;
mod endpoint;
mod personalise;
