//! Gives the images for a chip their linker script; on a host there is nothing to do.
#![allow(clippy::print_stdout, reason = "cargo reads it to its end")]

fn main() {
    println!("cargo::rerun-if-changed=link.x");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-T{here}/link.x");
    }
}
