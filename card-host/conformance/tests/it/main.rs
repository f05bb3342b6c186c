//! The examination of the simulated card, as it is and with deliberate defects.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

mod card;
