//! A place in RAM for one value.

use core::mem::MaybeUninit;

/// An `Option` that is all zeros when empty, so that it needs no copy in flash; and that is filled in place, for a meter is large and a
/// stack small.
pub(crate) struct Slot<T> {
    full: bool,
    value: MaybeUninit<T>,
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        Self { full: false, value: MaybeUninit::uninit() }
    }

    pub(crate) const fn get(&mut self) -> Option<&mut T> {
        if self.full {
            // SAFETY: `fill` has written the value, and `clear` has not dropped it.
            Some(unsafe { self.value.assume_init_mut() })
        } else {
            None
        }
    }

    /// Puts in what `make` makes, in place of what was there.
    #[inline(never)]
    pub(crate) fn fill(&mut self, make: impl FnOnce() -> T) {
        self.clear();
        self.value.write(make());
        self.full = true;
    }

    /// Drops what is there, which wipes keys.
    #[inline(never)]
    pub(crate) fn clear(&mut self) {
        if core::mem::take(&mut self.full) {
            // SAFETY: `fill` has written the value, and the mark is gone, so that nobody drops or reads it again.
            unsafe { self.value.assume_init_drop() };
        }
    }
}
