//! The simulated chip: memory that tears, wears and remembers, and what its work costs in time.

mod cost;
mod hardware;
mod image;
mod memory;

pub use cost::{CHIP, ChipCost, Link, Usage};
pub use hardware::{Chip, CountingEngine, Entropy, Shared, SimulatedMemory, VirtualTime, chip, time, usage};
pub use image::{Image, ImageError, ImageMemory, METADATA};
pub use memory::{Counters, Cut, FlashModel, Page, PowerCut};
