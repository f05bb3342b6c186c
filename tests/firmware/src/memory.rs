//! What a firmware's C library brings and every compiler asks for: here the small one, byte by byte, as `newlib-nano` has it. Without it
//! the compiler's own is linked, which is fast and takes 3 kB.
//!
//! Each byte is read as one that may change, so that the compiler does not see what the loop is and call it by its name.

#![allow(unsafe_code, reason = "names and arguments are those of C")]

use core::arch::global_asm;

/// `memmove`, which does for `memcpy` too.
///
/// # Safety
/// As in C: both are valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    let down = to.cast_const() <= from;
    for done in 0..len {
        let at = if down { done } else { len - 1 - done };
        // SAFETY: `at` is below `len`.
        unsafe { to.add(at).write(from.add(at).read_volatile()) };
    }
    to
}

/// `memset` as the processor's calling convention has it: length before value.
///
/// # Safety
/// As in C: valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn __aeabi_memset(to: *mut u8, len: usize, value: i32) {
    for at in 0..len {
        // SAFETY: `at` is below `len`.
        unsafe { to.add(at).write_volatile(value as u8) };
    }
}

/// Zeros.
///
/// # Safety
/// As in C: valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn __aeabi_memclr(to: *mut u8, len: usize) {
    // SAFETY: the caller's.
    unsafe { __aeabi_memset(to, len, 0) };
}

/// `memset`.
///
/// # Safety
/// As in C: valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { __aeabi_memset(to, len, value) };
    to
}

// The other names of the same.
global_asm!(
    ".macro same new, old",
    ".global \\new",
    ".type \\new, %function",
    ".thumb_set \\new, \\old",
    ".endm",
    "same memcpy, memmove",
    "same __aeabi_memcpy, memmove",
    "same __aeabi_memcpy4, memmove",
    "same __aeabi_memcpy8, memmove",
    "same __aeabi_memmove, memmove",
    "same __aeabi_memmove4, memmove",
    "same __aeabi_memmove8, memmove",
    "same __aeabi_memset4, __aeabi_memset",
    "same __aeabi_memset8, __aeabi_memset",
    "same __aeabi_memclr4, __aeabi_memclr",
    "same __aeabi_memclr8, __aeabi_memclr",
);
