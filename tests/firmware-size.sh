#!/usr/bin/env bash
# What a meter's firmware takes, for each target: flash, RAM and stack of the smallest image with the credit engine and the terminal
# session (card-core/ffi, by the images in tests/firmware), and what of it can panic. Fails where a budget is exceeded.
#   tests/firmware-size.sh -v         also says where the stack is how deep, and which functions can panic
#   tests/firmware-size.sh --parts    says what of the flash belongs to what, in kB, and nothing else
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh test
out=${CARGO_TARGET_DIR:-target}
verbose=${1:-}

# Bytes: flash, RAM between calls, deepest stack, the same but for installation and power-up: a column of the table in
# docs/meter.md, section 15.
limits() { awk -F'|' -v column="$1" '/^## 15 /{ inside = 1 } inside && /^\| (flash|RAM|stack)/ { print $column + 0 }' docs/meter.md; }
mapfile -t budget_thumbv7em_none_eabi < <(limits 3)
mapfile -t budget_thumbv6m_none_eabi < <(limits 4)
for column in 3 4; do
    [ "$(limits $column | grep -c '^[1-9]')" = 4 ] || { echo "docs/meter.md, section 15: four limits for each target are missing"; exit 1; }
done

# A machine with this processor: Cortex-M4, Cortex-M0 (with more RAM than the real board, for the card's memory is in it too).
machine_thumbv7em_none_eabi=(-machine mps2-an386)
machine_thumbv6m_none_eabi=(-machine microbit -global nrf51-soc.sram-size=131072)

# As the maker's kit is built (card-core/ffi/kit.sh).
export RUSTFLAGS="${RUSTFLAGS:-} --cfg aes_backend_soft=\"compact\""
image() { cargo build -q -p meter-firmware --profile firmware --target "$1" --bin "${@:2}"; }

# Code and constants of the image for a target, in bytes.
flash() {
    local elf=$out/$1/firmware/image
    echo $(( $(section "$elf" .text) + $(section "$elf" .rodata) + $(section "$elf" .data) ))
}

# What of the flash belongs to what: kB, by the function that the compiler has put it into.
parts() {
    local target names
    for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
        image "$target" image
        names=$out/$target/firmware/image.names
        arm-none-eabi-nm -S -C "$out/$target/firmware/image" > "$names"
    done
    awk -v all1="$(flash thumbv7em-none-eabi)" -v all2="$(flash thumbv6m-none-eabi)" '
        BEGIN {
            count = split("a card and its visit|mail, keys, commands|metering and supply|tariffs, calendar, forecast|tear-safe memory|messages and their bytes|AES and its modes|functions of the header|what the compiler shares and brings", parts, "|")
        }
        function part(name) {
            if (name ~ /^meter_|card_meter::/ && name !~ /card_meter::aes/) return parts[8]
            if (name ~ /aes::|card_core::(soft|modes|siv)|card_meter::aes/) return parts[7]
            if (name ~ /card_core::(scp03|terminal|apdu|layout|role|kdf)|meter::(visit|errands|credit|decide|verdict)/) return parts[1]
            if (name ~ /card_core::(parameters|key)|meter::(mail|inbox|keys)/) return parts[2]
            if (name ~ /card_core::(tariff|calendar)|meter::forecast/) return parts[4]
            if (name ~ /card_core::store|meter::record|crc::/) return parts[5]
            if (name ~ /card_core::(message|bytes)/) return parts[6]
            if (name ~ /card_core::/) return parts[3]
            return parts[9]
        }
        FNR == 1 { file++ }
        NF >= 4 && $3 ~ /[TtRrWw]/ && !seen[file, $1]++ {
            for (bytes = i = 0; i < length($2); ) bytes = bytes * 16 + index("0123456789abcdef", substr($2, ++i, 1)) - 1
            size = bytes; $1 = $2 = $3 = ""; sub(/^ +/, "")
            sum[part($0), file] += size
        }
        END {
            printf "%-36s %10s %10s\n", "flash, kB", "Cortex-M4", "Cortex-M0"
            left1 = all1; left2 = all2
            for (i = 1; i <= count; i++) { left1 -= sum[parts[i], 1]; left2 -= sum[parts[i], 2] }
            for (i = 1; i <= count; i++) printf "%-36s %10.0f %10.0f\n", parts[i], sum[parts[i], 1] / 1000, sum[parts[i], 2] / 1000
            printf "%-36s %10.0f %10.0f\n", "constants without a name", left1 / 1000, left2 / 1000
            printf "%-36s %10.0f %10.0f\n", "all", all1 / 1000, all2 / 1000
        }' "$out"/thumbv{7em,6m}-none-eabi/firmware/image.names
}

section() { size -A "$1" | awk -v name="$2" '$1 == name { print $2 } END { if (!NR) print 0 }'; }

# Which functions call into core's panics, and how often: "COUNT CRATE FUNCTION".
panics() {
    arm-none-eabi-objdump -dC "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { sub(/^[0-9a-f]+ </, ""); sub(/>:$/, ""); function_ = $0 }
        /\tb[a-z.]*\t.*<.*(core::panicking::|_fail>|_failed>)/ && function_ !~ /^core::(panicking|.*_fail(ed)?$)/ { calls[function_]++ }
        END { for (f in calls) { crate = f; sub(/^.* as /, "", crate); gsub(/^[<&(]+/, "", crate); sub(/::.*/, "", crate); print calls[f], crate, f } }' | sort -k2,2 -k1,1nr
}

count() { awk -v own="$2" '{ ours = $2 == "card_core" || $2 == "card_meter" || $2 == "meter_firmware" || $2 ~ /^meter_/; if (ours == own) sum += $1 } END { print sum + 0 }' <<< "$1"; }

if [ "$verbose" = --parts ]; then parts; exit; fi

failed=0
check() { if [ "$3" -gt "$4" ]; then echo "$1: $2 $3 is above its budget $4"; failed=1; fi; }

printf '%-20s %8s %8s %8s %8s   %s\n' target flash RAM stack running "calls to panic in our code / in libraries; without overflow checks"
for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
    name=${target//-/_}
    CARGO_PROFILE_FIRMWARE_OVERFLOW_CHECKS=false image "$target" image
    unchecked=$(panics "$out/$target/firmware/image")
    image "$target" image
    elf=$out/$target/firmware/image
    checked=$(panics "$elf")
    flash=$(flash "$target")
    ram=$(( $(section "$elf" .data) + $(section "$elf" .bss) ))

    image "$target" bench --features bench
    declare -n machine=machine_$name budget=budget_$name
    story=$(timeout 900 qemu-system-arm "${machine[@]}" -display none -serial none -monitor none \
        -semihosting-config enable=on,target=native -kernel "$out/$target/firmware/bench") || { echo "$story"; exit 1; }
    stack=$(awk '$1 == "deepest" { print $2 }' <<< "$story")
    running=$(awk '$1 == "stack" && !/ (install|power up)$/ && $2 > most { most = $2 } END { print most }' <<< "$story")

    printf '%-20s %8d %8d %8d %8d   %d / %d; %d / %d\n' "$target" "$flash" "$ram" "$stack" "$running" \
        "$(count "$checked" 1)" "$(count "$checked" 0)" "$(count "$unchecked" 1)" "$(count "$unchecked" 0)"
    if [ "$verbose" = -v ]; then
        awk '$1 == "stack" { bytes = $2; $1 = $2 = ""; if (bytes > most[$0]) most[$0] = bytes } END { for (call in most) printf "  stack %6d %s\n", most[call], call }' <<< "$story" | sort -k2,2nr
        sed 's/^/  can panic: /' <<< "$checked"
    fi
    check "$target" flash "$flash" "${budget[0]}"
    check "$target" RAM "$ram" "${budget[1]}"
    check "$target" stack "$stack" "${budget[2]}"
    check "$target" "stack when running" "$running" "${budget[3]}"
    check "$target" "calls to panic in our code without overflow checks" "$(count "$unchecked" 1)" 0
done

exit $failed
