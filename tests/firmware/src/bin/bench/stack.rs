//! How much stack a call takes: what of it is no longer as it was painted.
#![allow(unsafe_code, reason = "the stack below is nobody's")]

use core::arch::asm;

const PAINT: u32 = 0xA5C3_5A3C;
/// Left alone right below the stack pointer, for `paint` itself.
const OWN: usize = 128;

unsafe extern "C" {
    static stack_end: u32;
}

fn bottom() -> *mut u32 {
    (&raw const stack_end).cast_mut()
}

fn pointer() -> usize {
    let pointer;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

#[inline(never)]
fn paint() {
    let end = pointer().saturating_sub(OWN);
    let mut at = bottom();
    while (at as usize) < end {
        // SAFETY: between the end of the RAM that the linker has given away and the stack that is in use, so nobody's.
        unsafe {
            at.write_volatile(PAINT);
            at = at.add(1);
        }
    }
}

#[inline(never)]
fn deepest() -> usize {
    let mut at = bottom();
    // SAFETY: as in `paint`; it ends at the latest in the stack that is in use, which is not all paint.
    unsafe {
        while at.read_volatile() == PAINT {
            at = at.add(1);
        }
    }
    at as usize
}

/// Runs `call` and says how many bytes of stack it took.
pub(crate) fn measured<T>(call: impl FnOnce() -> T) -> (Option<T>, usize) {
    let (mut call, mut result) = (Some(call), None);
    let bytes = depth(&mut || result = call.take().map(|call| call()));
    (result, bytes)
}

/// Not a generic one: whatever is inlined into `call`, its frame lies below the stack pointer that is read here.
#[inline(never)]
fn depth(call: &mut dyn FnMut()) -> usize {
    let call = core::hint::black_box(call);
    paint();
    let before = pointer();
    call();
    before.saturating_sub(deepest())
}
