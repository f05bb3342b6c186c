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

#[path = "postgres_store/conflicts.rs"]
mod conflicts;
#[path = "postgres_store/faults.rs"]
mod faults;
#[path = "postgres_store/opening.rs"]
mod opening;
#[path = "postgres_store/refusals.rs"]
mod refusals;
#[path = "postgres_store/rows.rs"]
mod rows;
#[path = "postgres_store/support.rs"]
mod support;
