#!/usr/bin/env bash
# Installs what the project needs on Debian 12 with rustup.
#   tests/setup.sh run     to build and run cardctl
#   tests/setup.sh test    also what the tests need: a PC/SC service, a virtual reader, other people's card tools, targets, their compilers and emulators, Wine, a browser, a PKCS#11 token, PostgreSQL, PgBouncer
#   tests/setup.sh python  the Python packages of the tests only
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    python) packages=() ;;
    run) packages=(gcc libc6-dev pkg-config libpcsclite-dev) ;;
    test)
        packages=(gcc g++ make libc6-dev pkg-config libpcsclite-dev pcscd pcsc-tools opensc vsmartcard-vpcd
            python3 python3-venv python3-pyscard default-jdk-headless util-linux iproute2 gcc-mingw-w64-x86-64
            qemu-system-arm qemu-system-misc gcc-arm-none-eabi gcc-riscv64-unknown-elf postgresql pgbouncer wine64 chromium fonts-noto-core
            softhsm2 tshark debhelper lintian mmdebstrap systemd-container curl)
        command -v npm >/dev/null || packages+=(npm)
        ;;
    *) sed -n 2,6p "$0"; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "installing: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    # Debian's package makes and starts a server on port 5432 when it is installed, unless it is told before. The tests start
    # their own. Where this file is there already, somebody has decided.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    # Nor is a service of PgBouncer's package started: in run level 1 none is.
    "${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ "$1" = test ]; then
    rustup -q component add rustfmt clippy
    # Those of the maker's kit, and Windows.
    rustup -q target add thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabi \
        riscv32imc-unknown-none-elf x86_64-pc-windows-gnu
fi
if [ "$1" = test ]; then
    # A linter of descriptions of HTTP services. What Debian has of Node.js is taken where there is none.
    linter=@redocly/cli@2.77.0
    if [ "$(cat target/npm/installed 2>/dev/null)" != "$linter" ]; then
        mkdir -p target/npm
        npm install --silent --no-audit --no-fund --prefix target/npm "$linter"
        echo "$linter" > target/npm/installed
    fi
fi
if [ "$1" != run ]; then
    # One environment for the reference program and for the independent SCP03 host.
    wanted=$(cat tests/reference/requirements.txt tests/python/requirements.txt)
    if [ "$(cat target/python/installed 2>/dev/null)" != "$wanted" ]; then
        /usr/bin/python3 -m venv --clear --system-site-packages target/python
        target/python/bin/pip -q install --disable-pip-version-check -r tests/reference/requirements.txt -r tests/python/requirements.txt
        echo "$wanted" > target/python/installed
    fi
fi
