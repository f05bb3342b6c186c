//! What crosses crates: one program, a module for each subject. Tests that need a process of their own start this program again
//! with the name of a test.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what is wrong by failing"
)]

mod complaints;
mod conformance;
mod endpoint;
mod exchange_cuts;
mod exchanges;
mod host_pcsc;
mod hot_plug;
mod independent_clients;
mod kiosk_sale;
mod ledger;
pub(crate) mod ledger_books;
mod ledger_faults;
mod office_pairs;
mod once_only;
mod pcsc_cost;
mod postgres_harness;
mod postgres_store;
mod programs;
mod read_only;
mod scripted_readers;
mod sqlite_faults;
mod ten_years;
mod token;
mod tour_pcsc;
mod virtual_reader;
mod wire;
