//! Dice that fall the same for the same seed.

use card_core::platform::{Random, RandomError};

#[derive(Debug, Clone)]
pub struct Dice(fastrand::Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// 0 to `sides` - 1.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.0.u64(..sides)
    }

    /// `first` to `last`, both included.
    pub fn between(&mut self, first: u32, last: u32) -> u32 {
        self.0.u32(first..=last)
    }

    /// Once in `sides` times.
    pub fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        self.0.choice(from).expect("something to pick from").clone()
    }
}

impl Random for Dice {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(out);
        Ok(())
    }
}
