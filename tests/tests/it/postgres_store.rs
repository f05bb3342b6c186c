//! The ledger's PostgreSQL store against a real server: every row there and back, what the tables refuse, transactions in each
//! other's way, and a server or a network that goes away in the middle.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod conflicts;
mod faults;
mod opening;
mod pooler;
mod refusals;
mod roles;
mod rows;
mod settings;
mod support;
