//! `cardctl` as its user runs it, and the tour.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod contract;
mod meter_command;
mod tariff_command;
mod tour;
