//! Placeholder.

#[cfg(feature = "simulator")]
pub mod chip;
#[cfg(feature = "simulator")]
pub mod vpcd;
