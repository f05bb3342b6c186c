#!/usr/bin/env bash
# Builds cardctl for Windows, and does with it what a branch does in a day, under Wine: without a display, in a folder of its own.
# Needs what `tests/setup.sh test` installs.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
place=$target/windows
triple=x86_64-pc-windows-gnu
cargo build -q --profile ci -p cardctl --target "$triple"

PATH=$PATH:/usr/lib/wine
export WINEPREFIX=$place/wine WINEDEBUG=-all WINEDLLOVERRIDES="winedbg.exe=d;mscoree=;mshtml=" LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY
# As long as it may hang, on any machine.
wine=(timeout --foreground 600 wine64)
server=$(command -v wineserver64 || command -v wineserver)
serving=
ended() {
    [ -z "$serving" ] || kill "$serving" 2>/dev/null || true
    # Ends what runs in this folder of Wine, and nothing else.
    "$server" --kill 2>/dev/null || true
}
trap ended EXIT

mkdir -p "$place"
"${wine[@]}" wineboot --init >"$place/wine.log" 2>&1 || { cat "$place/wine.log"; exit 1; }
# In folders with Arabic names, as users have them.
work=$WINEPREFIX/drive_c/فرع
rm -rf "$work"
mkdir -p "$work"
cp "$target/$triple/ci/cardctl.exe" "$work"
if [ ! -e "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" ]; then
    x86_64-w64-mingw32-gcc -Wall -Werror -shared -o "$work/bcryptprimitives.dll" tests/windows/bcryptprimitives.c -ladvapi32
fi
cd "$work"

data='C:\فرع\دفتر' actor=آمنة
# Runs cardctl; then `out` and `err` are what it said.
cardctl() {
    status=0
    out=$("${wine[@]}" cardctl.exe --data "$data" --actor "$actor" "$@" 2>err) || status=$?
    out=${out//$'\r'/} err=$(cat err)
}
fails() {
    printf 'FAILED: %s\nstatus %s\n%s\n%s\n' "$1" "$status" "$out" "$err"
    exit 1
}
# says WORDS ARGUMENTS: it succeeds, and says these words.
says() {
    local words=$1
    shift
    cardctl "$@"
    [ "$status" = 0 ] && [[ $out == *"$words"* ]] || fails "no \"$words\" from cardctl $*"
    echo "cardctl $*"
}
# refuses STATUS WORDS ARGUMENTS: it ends so, and says why.
refuses() {
    local with=$1 words=$2
    shift 2
    cardctl "$@"
    [ "$status" = "$with" ] && [[ $err == *"$words"* ]] || fails "no refusal with \"$words\" of cardctl $*"
    echo "cardctl $*: refused"
}
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }

says "The money adds up: difference 0" tour

# A day at a branch.
says '"meter":"17"' --format json issue --meter 17 --account 4711
says '"total_credit":5000' --format json top-up 50.00 --channel branch
says "جنيه" --language ar --request sale-2 top-up 20 --channel kiosk
says "جنيه" --language ar --request sale-2 top-up 20 --channel kiosk
says "it has 70.00 EGP now" meter tap
says "balance before" meter run --days 2
says "receipt of meter 17" collect
says "70.00 EGP" ledger statement --meter 17
says "total debited" ledger debit --meter 17 5.00 --reason "كتب خطأ"
says "كتب خطأ" ledger statement --meter 17
says "loaded" refresh

# A card is put away while it is open, and a meter's file is replaced.
says "account        8" issue --meter 18 --account 8

# Copies and exports; none is written over.
says "is a copy" ledger backup 'C:\فرع\نسخة.sqlite'
refuses 1 "exists" ledger backup 'C:\فرع\نسخة.sqlite'
says "entries.csv" ledger export 'C:\فرع\قيود'
refuses 1 "exists" ledger export 'C:\فرع\قيود'
says "PUBLIC KEY" audit key
says "office/" audit sign

# A sale from outside while it serves, with commands and a copy beside it.
says '"token"' --format json ledger token add kiosk machine-1
token=$(field "$out" token)
exec {said}< <(exec "${wine[@]}" cardctl.exe --data "$data" --format json serve --listen 127.0.0.1:0 2>serve.log)
serving=$!
read -r line <&"$said" || { cat serve.log; exit 1; }
address=$(field "${line//$'\r'/}" listening)
echo "cardctl serve"
sale=$(cd - >/dev/null && python3 tests/windows/sell.py "$address" "$token" from-outside 17 1500)
[ "$(field "$sale" state)" = certified ] || { echo "FAILED: a sale from outside: $sale"; exit 1; }
again=$(cd - >/dev/null && python3 tests/windows/sell.py "$address" "$token" from-outside 17 1500)
[ "$sale" = "$again" ] || { echo "FAILED: a repetition from outside: $again, not $sale"; exit 1; }
says "sale 15.00 EGP" ledger statement --meter 17
says "is a copy" ledger backup 'C:\فرع\نسخة-2.sqlite'
# Ctrl-C, which Wine makes of this signal: it ends in order.
kill -INT "$serving"
wait "$serving" || { echo "FAILED: serve ended with $?"; cat serve.log; exit 1; }
serving=
says "the books are what they were" audit verify

# The copy takes the place of the ledger, which has sold since: it sells nothing until two people have declared it. Then the card
# that is sold to gives back what the copy does not know.
says "loaded" top-up 35
says "a copy" ledger backup 'C:\فرع\نسخة-3.sqlite'
says "loaded" top-up 25
rm -f دفتر/ledger.sqlite-wal دفتر/ledger.sqlite-shm
cp نسخة-3.sqlite دفتر/ledger.sqlite
refuses 1 "this ledger is an older copy" top-up 10
refuses 9 "takes two people" --request fire-1 ledger restored --reason "تلف القرص"
actor=بهية
says "approved" ledger approve fire-1
actor=آمنة
says "is marked" --request fire-1 ledger restored --reason "تلف القرص"
says "Credit: 10.00 EGP" top-up 10
says " recover" ledger statement --meter 18
says "the books are what they were" audit verify

# The copy is a ledger: where another computer has it, it says the same.
mkdir آخر
cp دفتر/development-keys.json آخر
mv نسخة-2.sqlite آخر/ledger.sqlite
data='C:\فرع\آخر'
says "sale 15.00 EGP" ledger statement --meter 17
