//! The meter on an emulated Cortex-M, with a whole card application before it: how deep the stack is in each call of `meter.h`.
//!
//! Everything that a meter does is done through its C functions: installation, power-up, a card's visits (the first, which opens the
//! binding and applies credit; one with mail; one with nothing new), consumption, the end of a month, demand, tampering, a voucher and mail
//! over the network. Before each call the stack below is painted, after it the deepest mark is looked for.
#![cfg_attr(target_os = "none", no_std, no_main)]

/// A host has no use for it.
#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod memory;
#[cfg(target_os = "none")]
mod semihosting;
#[cfg(target_os = "none")]
mod stack;
#[cfg(target_os = "none")]
#[path = "../../start.rs"]
mod start;
#[cfg(target_os = "none")]
mod story;

#[cfg(target_os = "none")]
extern "C" fn main() {
    let failed = story::run().is_err();
    semihosting::exit(failed);
}
