//! `meter.h` is what the code says, and C understands it: a small firmware in C (`examples/user.c`) is compiled with it, linked and run.
//! `METER_HEADER=write cargo test -p card-meter --test it` makes the header anew.
#![cfg(target_os = "linux")]

use std::path::Path;

#[test]
fn the_header_is_current() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    let sources = ["lib", "board", "types"].map(|name| here.join("src").join(name).with_extension("rs"));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in sources {
        builder = builder.with_src(source);
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let header = here.join("meter.h");
    if std::env::var("METER_HEADER").is_ok_and(|value| value == "write") {
        std::fs::write(&header, &made).unwrap();
    }
    let kept = std::fs::read(&header).unwrap_or_default();
    assert!(kept == made, "meter.h is not what the code says: METER_HEADER=write makes it anew");
}
