#!/usr/bin/env bash
# Runs the tests in stages, each with its time, and ends at the first stage that fails.
#   tests/run.sh          all of them: installs what they need, and needs root
#   tests/run.sh quick    what needs neither root nor pcscd nor PostgreSQL, with what `tests/setup.sh run` installs
# CARD_TESTS=long takes the long versions of the randomised tests, and benchmarks over a million customers.
set -euo pipefail
cd "$(dirname "$0")/.."
tier=${1:-all}
case "$tier" in all | quick) ;; *) sed -n 3,5p "$0"; exit 2 ;; esac
# One profile and one setting for all stages: nothing is built twice.
export RUSTFLAGS="${RUSTFLAGS:-} -D warnings" RUSTDOCFLAGS="-D warnings" CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
ci=(--profile ci)
everything=(--workspace --all-features)
ran=() left=()

stage() {
    local name=$1 begin=$SECONDS
    shift
    echo "== $name"
    if ! "$@"; then echo "== $name: FAILED after $((SECONDS - begin)) s"; exit 1; fi
    ran+=("$name: $((SECONDS - begin)) s")
    echo "== ${ran[-1]}"
}

# A stage of the whole only.
whole() { if [ "$tier" = all ]; then stage "${@:2}"; else left+=("$2: $1"); fi; }

# A full disk shows as a linker's bus error, or as a database that ends.
room() {
    local place need free
    mkdir -p "$target"
    while read -r need place; do
        free=$(df --output=avail --block-size=1M "$place" | tail -n 1)
        if [ "$free" -lt "$need" ]; then
            echo "$place has $free MB left, and the tests take up to $need: make room, or name another place with CARGO_TARGET_DIR or TMPDIR"
            return 1
        fi
    done <<< "8000 $target
1000 ${TMPDIR:-/tmp}"
}

# Each line says itself that it ends the stage: a function in a condition is not ended by its first failure.
features() {
    local crate set
    while read -r crate set; do
        cargo check -q "${ci[@]}" -p "$crate" --no-default-features ${set:+--features "$set"} || return
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
    cargo check -q "${ci[@]}" -p applet-sim --no-default-features || return
}

embedded() {
    local target
    for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
        cargo build -q "${ci[@]}" -p card-core --target "$target" || return
        cargo build -q "${ci[@]}" -p card-applet --features apdu-app --target "$target" || return
    done
}

# What needs packages from Python's registry, where they cannot be had.
python_packages() { tests/setup.sh python || { left+=("$1: its Python packages cannot be installed"); return 1; }; }
vectors() { target/python/bin/python tests/reference/make_vectors.py --check; }

# Libraries, programs, one test program for each crate, and examples in documentation.
crates() { cargo test "${ci[@]}" "${everything[@]}" --lib --bins --test it && cargo test "${ci[@]}" "${everything[@]}" --doc; }

pages() { CARD_PROGRAMS=$target/ci target/python/bin/python tests/pages.py; }
desk() { CARD_PROGRAMS=$target/ci target/python/bin/python tests/desk.py; }

# Readers take turns, and wait most of the time: so they have a thread of their own beside the others, which wait less.
readers=(conformance host_pcsc hot_plug independent_clients kiosk_sale pcsc_cost programs tour_pcsc virtual_reader)
system() {
    local run=(cargo test "${ci[@]}" "${everything[@]}" --test system) skip=() name
    for name in "${readers[@]}"; do skip+=(--skip "$name::"); done
    export CARD_PROGRAMS=$target/ci
    "${run[@]}" --no-run || return
    "${run[@]}" -q -- --test-threads 1 "${readers[@]/%/::}" > "$target/readers.log" 2>&1 &
    local with_readers=$! failed=0
    "${run[@]}" -- --test-threads $(($(nproc) + 2)) "${skip[@]}" || failed=1
    wait "$with_readers" || failed=1
    cat "$target/readers.log"
    return "$failed"
}

# The same rows and counts, in smaller books: how fast it is on a machine that has other things to do says little.
benchmarks() {
    local bindings=20000
    [ "${CARD_TESTS:-}" != long ] || bindings=1000000
    CARD_BENCH_BINDINGS=$bindings cargo bench -q "${ci[@]}" "${everything[@]}" --bench exchanges --bench sales --bench vouchers --bench wear
}

# The commands in documents are those that people type; here they use what is built already.
figures() { CARD_BENCH="cargo bench -q ${ci[*]} ${everything[*]}" tests/figures.py; }

whole "quick takes less" room room
whole "installs packages as root" setup tests/setup.sh test
stage format cargo fmt --all --check
stage "house" tests/house.py
stage lints cargo clippy -q "${ci[@]}" "${everything[@]}" --all-targets
whole "takes long" documentation cargo doc -q "${ci[@]}" "${everything[@]}" --no-deps
whole "takes long" "features, each alone" features
whole "needs further targets" "embedded targets" embedded
whole "needs further targets and qemu" "firmware size" tests/firmware-size.sh
whole "needs further targets, their compilers and qemu" "the maker's kit" tests/kit.sh
whole "needs a further target, its linker and Wine" Windows tests/windows.sh
if python_packages "vectors of the second reading"; then stage "vectors of the second reading" vectors; fi
stage "crates" crates
stage "examples" tests/examples.sh ci
whole "needs a browser" pages pages
whole "needs a browser" desk desk
whole "needs root, and containers of systemd" "the package" tests/package.sh test ci
whole "needs root, pcscd and PostgreSQL" "system" system
whole "needs PostgreSQL" benchmarks benchmarks
whole "prints what benchmarks do" "figures in documents" figures

echo "== ran"
printf '%s\n' "${ran[@]}"
echo "== left out"
[ "${#left[@]}" -eq 0 ] || printf '%s\n' "${left[@]}"
[ "${CARD_TESTS:-}" = long ] || echo "the long versions of randomised tests, and benchmarks over a million customers: CARD_TESTS=long"
echo "== size of $target: $(du -sh "$target" | cut -f 1)"
