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

#[path = "wire/kiosk.rs"]
mod kiosk;
#[path = "wire/limits.rs"]
mod limits;
#[path = "wire/load.rs"]
mod load;
#[path = "wire/others.rs"]
mod others;
#[path = "wire/protocol.rs"]
mod protocol;
#[path = "wire/served.rs"]
mod served;
#[allow(dead_code, unused_imports, reason = "other tests use more of it")]
#[path = "ledger/world.rs"]
mod world;
