//! The books: days closed, chains audited, exports, reconciliation, restores and alerts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod alerts;
mod anchor;
mod audit;
pub(crate) mod books;
mod close;
mod damage;
mod export;
mod given;
mod insider;
mod minted;
mod moves;
mod persons;
mod reconcile;
mod restore;
mod settle;
