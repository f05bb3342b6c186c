//! What a branch does with cards, over a ledger in memory: issuing, selling, moving; meters, mail to them and back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod bench;
mod cards;
mod meter;
mod office;
