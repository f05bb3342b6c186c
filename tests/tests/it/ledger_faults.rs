//! The ledger while what it stands on fails: the seller killed, the database killed, a commit whose answer is lost, a disk that fails, is full,
//! or loses power. What was acknowledged stays, what was not is whole or absent, and asking again with the same ids settles it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod connection_lost;
mod database_killed;
mod disk;
mod doubt;
mod script;
mod seller_killed;
pub(crate) mod stepwise;
