//! What a branch does with cards, over a ledger in memory: issuing, selling, moving; meters, mail to them and back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what is wrong by failing"
)]

mod bench;
mod cards;
mod life;
mod meter;
mod office;
mod powers;
mod rotation;
