#!/usr/bin/env bash
# Builds the maker's kit: header, static library for each processor, examples, texts. Needs cargo and rustup, nothing of C.
#   card-core/ffi/kit.sh [--own-aes] [FOLDER [PROCESSOR ...]]      into target/kit, for all processors
# --own-aes leaves AES in software out: for chips that have an engine of their own.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -A targets=(
    [cortex-m0plus]=thumbv6m-none-eabi
    [cortex-m3]=thumbv7m-none-eabi
    [cortex-m4]=thumbv7em-none-eabi
    [cortex-m4f]=thumbv7em-none-eabihf
    [cortex-m33]=thumbv8m.main-none-eabi
    [riscv32imc]=riscv32imc-unknown-none-elf
)
# Those that the example runs on in QEMU: with a card.
example=" cortex-m4 riscv32imc "

features=()
if [ "${1:-}" = --own-aes ]; then features=(--no-default-features); shift; fi
kit=${1:-${CARGO_TARGET_DIR:-target}/kit}
[ "$#" -eq 0 ] || shift
processors=("$@")
[ "$#" -gt 0 ] || mapfile -t processors < <(printf '%s\n' "${!targets[@]}" | sort)
for processor in "${processors[@]}"; do
    [ -n "${targets[$processor]:-}" ] || { echo "$processor: one of ${!targets[*]} is wanted"; exit 2; }
done

wanted=()
for processor in "${processors[@]}"; do wanted+=("${targets[$processor]}"); done
if command -v rustup >/dev/null; then rustup -q target add "${wanted[@]}"; fi

# AES in software: the small one.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg aes_backend_soft=\"compact\""
library() { cargo rustc -q --profile firmware --lib --crate-type staticlib --target "$1" "${@:2}"; }

mkdir -p "$kit/docs/guides"
cp card-core/ffi/meter.h card-core/ffi/README.md LICENSE-* "$kit"
cp -r card-core/ffi/examples "$kit"
for text in guides/meter-maker meter tariff messages card-specification; do
    # Links into the crate's folder go to the kit's own.
    sed 's#\.\./card-core/ffi\b#..#g' "docs/$text.md" > "$kit/docs/$text.md"
done
# None of an older header stays.
rm -f "$kit"/lib/*/libcard_meter.a "$kit"/lib/*/libsimulated_card.a
for processor in "${processors[@]}"; do
    target=${targets[$processor]}
    built=${CARGO_TARGET_DIR:-target}/$target/firmware
    mkdir -p "$kit/lib/$processor"
    library "$target" -p card-meter ${features[@]+"${features[@]}"}
    cp "$built/libcard_meter.a" "$kit/lib/$processor"
    if [[ "$example" == *" $processor "* ]]; then
        library "$target" -p meter-firmware --features bench
        cp "$built/libmeter_firmware.a" "$kit/lib/$processor/libsimulated_card.a"
    fi
done
echo "$kit: ${processors[*]}"
