//! Placeholder.

#[cfg(feature = "simulator")]
pub mod vpcd;
