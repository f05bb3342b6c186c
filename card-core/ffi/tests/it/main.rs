//! `meter.h` is what the code says, and the functions do what it says. That C and C++ understand it is shown by `tests/kit.sh`.
//! `METER_HEADER=write cargo test -p card-meter --test it` makes the header anew.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod calls;

use std::path::Path;

#[test]
fn the_header_is_current() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    // It finds the other modules itself.
    let builder = cbindgen::Builder::new().with_config(config).with_src(here.join("src/lib.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let header = here.join("meter.h");
    if std::env::var("METER_HEADER").is_ok_and(|value| value == "write") {
        std::fs::write(&header, &made).unwrap();
    }
    let kept = std::fs::read(&header).unwrap_or_default();
    assert!(kept == made, "meter.h is not what the code says: METER_HEADER=write makes it anew");
}
