//! Text to the emulator, and the end.
#![allow(unsafe_code, reason = "semihosting is an instruction")]

use core::fmt;

const WRITE: usize = 0x05;
const OPEN: usize = 0x01;
const EXIT: usize = 0x18;

fn call(operation: usize, argument: *const ()) -> usize {
    let result;
    // SAFETY: the emulator reads what `argument` points to, which its callers keep alive, and changes r0 only.
    unsafe {
        core::arch::asm!("bkpt 0xAB", inlateout("r0") operation => result, in("r1") argument, options(nostack));
    }
    result
}

/// The emulator's standard output.
pub(crate) struct Out(usize);

impl Out {
    pub(crate) fn open() -> Self {
        // The console, opened for writing.
        let name = c":tt";
        let block = [name.as_ptr() as usize, 4, name.count_bytes()];
        Self(call(OPEN, block.as_ptr().cast()))
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let block = [self.0, text.as_ptr() as usize, text.len()];
        if call(WRITE, block.as_ptr().cast()) == 0 { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Ends the emulator.
pub(crate) fn exit(failed: bool) {
    // "Application exit", or "run-time error".
    let reason: usize = if failed { 0x20023 } else { 0x20026 };
    call(EXIT, reason as *const ());
}
