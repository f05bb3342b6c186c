#!/usr/bin/env bash
# Builds the examples and runs each: it ends with success, and prints what is looked for. The one in Python, which needs a reader,
# runs among the tests of the system, and the one in C among those of the firmware.
#   tests/examples.sh [PROFILE]
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-dev}
built=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
cargo build -q --workspace --all-features --profile "$profile" --examples --bins

prints() {
    local wanted=$1 out
    shift
    echo "$*"
    out=$("$@") || { echo "$out"; echo "FAILED: $*"; return 1; }
    grep -q -- "$wanted" <<< "$out" || { echo "$out"; echo "does not print \"$wanted\": $*"; return 1; }
}

prints "rated again from zero" "$built/examples/bill"
prints "state blank" "$built/examples/read_card"
prints "on the card: 50.00 EGP" "$built/examples/branch"
prints "credit: Piastres(5000)" "$built/examples/simulated_card"
prints "2.50 kWh later: 48.30 EGP" "$built/examples/own_meter"
prints "the ledger answers: true" "$built/examples/serve"
prints "Paid: 50.00 EGP" "$built/examples/kiosk"
prints "identity: \[" "$built/examples/own_chip"
prints "كشف حساب الاستهلاك" "$built/examples/statement"
CARDCTL=$built/cardctl prints "sale-2" card-host/cardctl/examples/shop.sh
