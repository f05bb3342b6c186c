//! Notes when the library was built: no clock that is right can show an earlier time.
#![allow(clippy::print_stdout, reason = "cargo reads it to its end")]

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    println!("cargo::rustc-env=CARD_HOST_BUILD_TIME={}", given.unwrap_or(now));
}
