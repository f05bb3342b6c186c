//! `cardctl` as its user runs it, and the tour.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what is wrong by failing"
)]

mod answers;
mod arabic;
mod batch;
mod command_line;
mod conformance;
mod contract;
mod doctor;
#[cfg(unix)]
mod guides;
mod keys;
mod latin;
mod meter_command;
mod pages;
mod policy;
mod run;
mod signer;
mod sim;
mod tariff_command;
mod tour;
mod trace;
