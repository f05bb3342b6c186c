#!/usr/bin/env bash
# The day of a shop with cardctl: a customer's card is sold, charged, used and read. Simulated, in a folder that is removed at the
# end. `card-host/cardctl/examples/shop.sh`, or with CARDCTL=PATH a program that is built already
set -euo pipefail

data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
if [ -z "${CARDCTL:-}" ]; then
    cd "$(dirname "$0")/../../.."
    cargo build -q --release -p cardctl
    CARDCTL=${CARGO_TARGET_DIR:-target}/release/cardctl
fi
shop() {
    echo "\$ cardctl $*"
    "$CARDCTL" --data "$data" --actor Amina "$@" 2>/dev/null
}

shop issue --meter 17 --account 4711           # a blank card becomes a customer's
shop top-up 50.00 --channel branch             # the first charge activates it
shop meter tap                                 # at home, the card meets its meter
shop meter run --days 10                       # ten days pass
shop --request sale-2 top-up 20 --channel branch
shop --request sale-2 top-up 20 --channel branch    # torn? The same again: sold once
shop meter tap
shop show                                      # all that the desk sees of the card
shop collect                                   # what the card brings from the meter
shop ledger statement --meter 17               # the contract and its entries
