#!/usr/bin/env bash
# Installs the package on a bare Debian 12, which runs in a container with its own systemd, network and processes; sells there as its
# administrator would, and removes it again.
#   tests/package/installed.sh FOLDER    where cardctl.deb is; the bare system is kept there for the next time
set -euo pipefail
place=$(realpath "$1")
root=$(mktemp -d "$place/root.XXXXXX")
machine=
ended() {
    # Ends the container, with all that runs in it.
    [ -z "$machine" ] || { kill "$machine" 2>/dev/null || true; wait "$machine" 2>/dev/null || true; }
    rm -rf "$root"
}
trap ended EXIT

trap 'fails "line $LINENO"' ERR
say() { echo "-- $SECONDS s: $*"; }
fails() {
    echo "FAILED: $*"
    [ -z "${leader:-}" ] || inside journalctl --no-pager -n 60 || true
    exit 1
}

say "what is wrong with the package by Debian's rules"
# It has no maintainer with a mailbox.
lintian --allow-root --fail-on error,warning --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$place/cardctl.deb" || fails lintian

if [ ! -e "$place/bare.tar" ]; then
    say "a bare Debian 12"
    mmdebstrap -q --format=tar --variant=minbase --include=systemd-sysv,dbus bookworm "$place/bare.tar.new"
    mv "$place/bare.tar.new" "$place/bare.tar"
fi
tar -C "$root" -xf "$place/bare.tar"
cp "$place/cardctl.deb" "$root/root"
# Packages that were fetched once.
mkdir -p "$place/archives"
nspawn=(systemd-nspawn -q --register=no --keep-unit --directory "$root" --bind "$place/archives:/var/cache/apt/archives")
installs() {
    "${nspawn[@]}" --setenv DEBIAN_FRONTEND=noninteractive --pipe sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends $*" > "$place/apt.log" 2>&1 ||
        { tail -n 20 "$place/apt.log"; fails "apt-get install $*"; }
}
say "apt install ./cardctl.deb"
# Of what it recommends, only what is tested here.
installs /root/cardctl.deb polkitd

# The pcscd of Debian 12 asks nobody; later ones ask polkit about these two, and without a rule let only those in at the computer's own screen.
actions=$root/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy
[ -e "$actions" ] || {
    echo '<policyconfig>'
    for action in access_pcsc access_card; do
        echo "<action id=\"org.debian.pcsc-lite.$action\"><description>Use readers</description><message>Use readers</message>"
        echo "<defaults><allow_any>no</allow_any><allow_inactive>no</allow_inactive><allow_active>yes</allow_active></defaults></action>"
    done
    echo '</policyconfig>'
} > "$actions"

"${nspawn[@]}" --private-network --boot > "$place/console.log" 2>&1 &
machine=$!
leader=
for _ in $(seq 600); do
    leader=$(cat "/proc/$machine/task/$machine/children" 2>/dev/null | tr -d ' ') && [ -n "$leader" ] && break
    kill -0 "$machine" 2>/dev/null || { cat "$place/console.log"; fails "the container ended"; }
    sleep 0.1
done
inside() { nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }
as() { local user=$1; shift; inside runuser -u "$user" -- "$@"; }
for _ in $(seq 600); do
    state=$(inside systemctl is-system-running 2>/dev/null || true)
    case $state in running | degraded) break ;; esac
    sleep 0.2
done
say "it runs: $state"

say "units are right, and may do little"
units=(cardctl-serve.service cardctl-signer.service cardctl-backup.service cardctl-backup.timer)
for unit in "${units[@]}"; do
    # A unit that is not there yet, or a manual page, is told of others too.
    told=$(inside systemd-analyze verify --man=no "/lib/systemd/system/$unit" 2>&1 | grep "^/lib/systemd/system/cardctl\|cardctl-[a-z]*\.\(service\|timer\):" || true)
    [ -z "$told" ] || fails "$told"
done
for unit in "${units[@]:0:3}"; do
    inside systemd-analyze security --no-pager --threshold=20 "$unit" | tail -n 1 || fails "$unit may do more than 2.0 of 10"
    [ "$(inside systemctl is-active "$unit" || true)" = inactive ] || fails "$unit runs before anybody has founded books"
done
inside test -e /usr/share/bash-completion/completions/cardctl -a -e /usr/share/zsh/vendor-completions/_cardctl || fails "no completion"
[ -n "$(ls "$root"/usr/share/man/man1/cardctl-serve.1.gz "$root"/usr/share/man/man1/applet-sim.1.gz)" ] || fails "no manual"

say "who may use readers"
may() { as "$1" sh -c 'exec pkcheck --action-id org.debian.pcsc-lite.access_card --process $$' >/dev/null 2>&1; }
may cardctl || fails "the user cardctl may not use readers"
! may nobody || fails "everybody may use readers"

say "signer, books, a customer"
as cardctl-signer cardctl --data /var/lib/cardctl-signer signer init --custodian mona --custodian tarek \
    --certificate 20000 --binding-day 30000 --hour 2000000 --day 20000000 >/dev/null
inside systemctl start cardctl-signer.service || fails "the signer"
inside sed -i 's/^#keys = /keys = /; s/^#\[serve\]/[serve]/; s/^#pool = 40/pool = 12/' /etc/cardctl/cardctl.toml
! as nobody cardctl --data /tmp/nobody keys list >/dev/null 2>&1 || fails "everybody may ask the signer"
books() { as cardctl env CARDCTL_SECRET_FILE=/var/lib/cardctl/mona.secret cardctl -q "$@"; }
as cardctl cardctl -q ledger begin --staff "Mona Aly" --out /var/lib/cardctl/mona.secret
books staff add Server --may sell,audit --out /var/lib/cardctl/server.secret >/dev/null
inside mkdir -p -m 700 /etc/credstore
inside mv /var/lib/cardctl/server.secret /etc/credstore/cardctl.secret
inside chown root:root /etc/credstore/cardctl.secret
books issue --meter 1 --account 7 >/dev/null
books top-up 50.00 --channel branch >/dev/null
books ledger party kiosk --channel kiosk >/dev/null
books ledger point kiosk-1 --party kiosk >/dev/null
token=$(books --format json ledger token add kiosk front | sed 's/.*"token":"\([0-9a-f]*\)".*/\1/')

say "systemctl start cardctl-serve"
begun=$(date +%s%N)
inside systemctl start cardctl-serve.service || fails "the server"
ask() { nsenter --target "$leader" --net curl -s --max-time 60 "$@"; }
sells() {
    local answer
    answer=$(ask -X POST http://127.0.0.1:8470/v1/sales -H "Authorization: Bearer $token" -H "Idempotency-Key: $1" \
        -H "Content-Type: application/json" -d '{"point":"kiosk-1","payee":{"meter":"1"},"amount_piastres":2500,"payment":"received"}')
    [[ $answer == *'"state":"certified"'* ]] || fails "no sale: $answer"
}
sells first
echo "   sold after $((($(date +%s%N) - begun) / 1000000)) ms (goal: a minute)"
ask http://127.0.0.1:8470/readyz | grep -q '^ready' || fails "it is not ready"
[ "$(as cardctl cardctl --format json config show | grep -o '"serve.pool"[^}]*"value":"12"' | wc -l)" = 1 ] || fails "the settings are not those of the file"
inside journalctl --no-pager -u cardctl-serve.service -o cat | grep -q 'path=/v1/sales status=20. .*party=kiosk point=kiosk-1 request=first' ||
    fails "the journal has no line of the sale"
inside systemctl show -p User,StatusErrno,Type cardctl-serve.service | grep -q '^User=cardctl$' || fails "another user serves"

say "a copy of the books"
inside systemctl enable -q --now cardctl-backup.timer cardctl-serve.service
inside systemctl start cardctl-backup.service || fails "the copy"
copy=$(inside sh -c 'ls /var/backups/cardctl/ledger-*.sqlite') || fails "there is no copy"
[ "$(inside stat -c '%U %a' "$copy")" = "cardctl 600" ] || fails "others can read $copy"

say "killed, it comes back"
before=$(inside systemctl show -p MainPID --value cardctl-serve.service)
inside sh -c "kill -KILL $before"
for _ in $(seq 300); do
    now=$(inside systemctl show -p MainPID --value cardctl-serve.service)
    [ "$now" != "$before" ] && [ "$now" != 0 ] && [ "$(inside systemctl is-active cardctl-serve.service || true)" = active ] && break
    sleep 0.1
done
sells second

say "apt remove leaves the data"
sum() { inside sh -c 'cd /var/lib && find cardctl cardctl-signer /var/backups/cardctl /etc/credstore /etc/cardctl -type f -not -name "*-shm" | sort | xargs sha256sum'; }
inside systemctl stop cardctl-serve.service cardctl-signer.service
kept=$(sum)
inside apt-get remove -y -qq cardctl >/dev/null 2>&1 || fails "apt-get remove"
! inside test -e /usr/bin/cardctl || fails "it is still there"
[ "$(sum)" = "$kept" ] || fails "apt-get remove has changed data"
say "installed again, it goes on where it was"
inside apt-get install -y -qq --no-download /root/cardctl.deb >/dev/null 2>&1 || fails "installing it again"
inside systemctl start cardctl-signer.service cardctl-serve.service || fails "starting it again"
sells first
sells third
inside apt-get purge -y -qq cardctl >/dev/null 2>&1 || fails "apt-get purge"
inside test -s /var/lib/cardctl/ledger.sqlite -a -s /var/lib/cardctl-signer/signer.sqlite || fails "apt-get purge has removed books"
echo "the package installs, sells, is removed, and leaves the data"
