//! From reset to `main`, on any Cortex-M: vectors, and RAM as the program expects it.

#![allow(unsafe_code, reason = "before this there is no stack to run safe code on")]

use core::arch::global_asm;

// The processor loads the stack pointer from the first word and jumps to the second; every exception ends in `halt`.
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_begin",
    ".word reset",
    ".rept 14",
    ".word halt",
    ".endr",
    ".section .text.reset, \"ax\"",
    ".global reset",
    ".type reset, %function",
    ".thumb_func",
    "reset:",
    "ldr r0, =data_begin",
    "ldr r1, =data_end",
    "ldr r2, =data_in_flash",
    "1: cmp r0, r1",
    "bhs 2f",
    "ldr r3, [r2]",
    "str r3, [r0]",
    "adds r0, #4",
    "adds r2, #4",
    "b 1b",
    "2: ldr r0, =bss_begin",
    "ldr r1, =bss_end",
    "movs r3, #0",
    "3: cmp r0, r1",
    "bhs 4f",
    "str r3, [r0]",
    "adds r0, #4",
    "b 3b",
    "4: bl {main}",
    ".type halt, %function",
    ".thumb_func",
    "halt: b halt",
    main = sym crate::main,
);
