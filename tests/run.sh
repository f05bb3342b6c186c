#!/usr/bin/env bash
# Installs what the tests need and runs all of them, in stages, each with its time. Ends at the first stage that fails.
#   CARD_TESTS=long tests/run.sh    takes the long versions of the randomised tests as well
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="${RUSTFLAGS:-} -D warnings" RUSTDOCFLAGS="-D warnings" CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

stage() {
    local name=$1 begin=$SECONDS
    shift
    echo "== $name"
    if ! "$@"; then echo "== $name: FAILED after $((SECONDS - begin)) s"; exit 1; fi
    echo "== $name: $((SECONDS - begin)) s"
}

# A full disk shows as a linker's bus error, or as a database that ends.
room() {
    local place need free
    mkdir -p "${CARGO_TARGET_DIR:-target}"
    while read -r need place; do
        free=$(df --output=avail --block-size=1M "$place" | tail -n 1)
        if [ "$free" -lt "$need" ]; then
            echo "$place has $free MB left, and the tests take up to $need: make room, or name another place with CARGO_TARGET_DIR or TMPDIR"
            return 1
        fi
    done <<< "10000 ${CARGO_TARGET_DIR:-target}
1000 ${TMPDIR:-/tmp}"
}

# Each line says itself that it ends the stage: a function in a condition is not ended by its first failure.
features() {
    local crate set
    while read -r crate set; do
        cargo check -q -p "$crate" --no-default-features ${set:+--features "$set"} || return
    done <<< "card-host
card-host pcsc
card-host simulator
card-host tariff
card-channel
card-channel client
card-channel schema
card-ledger
card-ledger sqlite
card-ledger postgres"
    cargo check -q -p applet-sim --no-default-features || return
}

embedded() {
    local target
    for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
        cargo build -q -p card-core --target "$target" || return
        cargo build -q -p card-applet --features apdu-app --target "$target" || return
    done
}

stage "room" room
stage "setup" tests/setup.sh test
stage "format" cargo fmt --all --check
stage "lints" cargo clippy -q --workspace --all-targets --all-features
stage "documentation" cargo doc -q --workspace --no-deps --all-features
stage "features, each alone" features
stage "embedded targets" embedded
stage "firmware size" tests/firmware-size.sh
stage "Windows" cargo check -q -p cardctl --target x86_64-pc-windows-gnu
stage "vectors of the second reading" target/python/bin/python tests/reference/make_vectors.py --check
stage "tests" cargo test --workspace --all-features
stage "benchmarks" cargo bench -q -p system-tests
stage "figures in documents" tests/figures.py
