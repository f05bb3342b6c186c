//! The wire for channels: the server over a ledger in SQLite, asked by our client, by a client in Python, by a property-based tester, and by
//! those who mean no good.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what is wrong by failing"
)]

mod kiosk;
mod learns;
mod limits;
mod lists;
mod load;
mod others;
mod protocol;
mod served;
