//! What the memory of a signer keeps, over power cuts and beside other programs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

mod keeps;
