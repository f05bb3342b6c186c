#!/usr/bin/env bash
# The maker's kit as a maker gets it: header in the hands of C and C++ compilers, the shortest firmware on this computer, libraries for
# all processors, and the example on emulated Cortex-M4 and RISC-V: a household's day, whose output is card-core/ffi/examples/qemu/household.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${CARGO_TARGET_DIR:-target}")
ffi=card-core/ffi
strict=(-Wall -Wextra -Wpedantic -Wconversion -Werror)

gcc -std=c99 "${strict[@]}" -fsyntax-only -x c $ffi/meter.h
g++ -std=c++11 "${strict[@]}" -fsyntax-only -x c++ $ffi/meter.h
cargo rustc -q --profile ci -p card-meter --lib --crate-type staticlib
gcc -std=c99 "${strict[@]}" -UNDEBUG -I$ffi -o "$out/ci/meter-user" $ffi/examples/user.c "$out/ci/libcard_meter.a" -lpthread -ldl -lm
"$out/ci/meter-user"
echo "meter.h: C and C++ understand it; user.c compiles, links and runs"

kit=$out/kit
$ffi/kit.sh "$kit"
lines=$(wc -l < "$kit/examples/qemu/household.c")
[ "$lines" -le 200 ] || { echo "household.c has $lines lines: at most 200"; exit 1; }
for chip in cortex-m4 riscv32imc; do
    timeout 300 make -s -C "$kit/examples/qemu" run CHIP="$chip" > "$out/household-$chip.txt" || { cat "$out/household-$chip.txt"; exit 1; }
    [ "${KIT_OUTPUT:-}" != write ] || cp "$out/household-$chip.txt" "$ffi/examples/qemu/household.txt"
    diff "$ffi/examples/qemu/household.txt" "$out/household-$chip.txt"
    echo "$chip: a household's day is as it should be"
done

# With short memory functions, what of the library is in a firmware that calls all of meter.h but the texts, and all of it: code and constants.
mapfile -t functions < <(grep -oE '\bmeter_[a-z_]+\(' "$kit/meter.h" | tr -d '(' | sort -u)
flash() {
    local cross=arm-none-eabi- machine
    case "$1" in
        riscv32imc) cross=riscv64-unknown-elf- machine=(-march=rv32imc -mabi=ilp32) ;;
        cortex-m4f) machine=(-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16) ;;
        *) machine=("-mcpu=$1" -mthumb) ;;
    esac
    "${cross}gcc" "${machine[@]}" -Os -ffreestanding -ffunction-sections -nostdlib -Wl,--gc-sections,-e,meter_tick "${@:2}" \
        -o "$out/kit-size" "$kit/examples/qemu/memory.c" "$kit/lib/$1/libcard_meter.a" -lgcc
    "${cross}size" -A "$out/kit-size" | awk '$1 ~ /^\.(text|rodata|data)$/ { sum += $2 } END { print sum }'
}
printf '%-14s %10s %10s\n' "flash, bytes" "no texts" all
for library in "$kit"/lib/*/; do
    processor=$(basename "$library")
    all=("${functions[@]/#/-Wl,-u,}")
    without=("${all[@]/-Wl,-u,meter_text/-Wl,-u,meter_tick}")
    printf '%-14s %10d %10d\n' "$processor" "$(flash "$processor" "${without[@]}")" "$(flash "$processor" "${all[@]}")"
done
