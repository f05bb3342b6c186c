//! The core against its texts: one program, a module for each subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod apdu;
mod calendar;
mod calendar_zones;
mod engine_bills;
mod engine_clock;
mod engine_energy;
mod engine_forecast;
mod engine_mail;
mod engine_supply;
mod engine_time;
mod engine_visit;
mod id;
mod key_wrap;
mod meter;
mod meter_vectors;
mod parameters;
mod primitives;
mod scp03;
mod second_reading;
mod support;
mod tariff;
mod tariff_bytes;
mod tariff_charges;
mod tariff_random;
mod terminal;
