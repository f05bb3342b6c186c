//! The card application and the chip around it: one program, a module for each subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what is wrong by failing"
)]

mod adversary;
mod apdu_app;
mod common;
mod hardening;
mod journal;
mod limits;
mod model;
mod power_cuts;
mod store;
mod transcripts;
