#!/usr/bin/env bash
# The Debian package.
#   tests/package.sh [PROFILE]         builds it: target/package/cardctl.deb; by default with the profile release
#   tests/package.sh test [PROFILE]    and installs it on a bare Debian 12 that runs in a container of its own, sells there, and removes it
# Needs debhelper; for the test also root, mmdebstrap, systemd-container, lintian and curl (tests/setup.sh test).
set -euo pipefail
cd "$(dirname "$0")/.."
testing=
if [ "${1:-}" = test ]; then testing=yes; shift; fi
profile=${1:-release}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
place=$target/package
mkdir -p "$place"

build() {
    local from=$target/$profile build=$place/build version
    cargo build -q --profile "$profile" --workspace --all-features --bins
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    rm -rf "$build" "$place"/*.deb
    mkdir -p "$build"/{programs,man,completion,docs}
    cp -r packaging/debian packaging/cardctl.toml packaging/50-cardctl.rules "$build"
    cp "$from/cardctl" "$from/applet-sim" "$build/programs"
    cp docs/*.md "$build/docs"
    cp CHANGELOG.md "$build/docs/news.md"
    # What they say of themselves, without this user's settings.
    local clean=(env -i "PATH=$PATH" "HOME=$build")
    "${clean[@]}" "$from/cardctl" -q man "$build/man" >/dev/null
    "${clean[@]}" "$from/applet-sim" man "$build/man" >/dev/null
    "${clean[@]}" "$from/cardctl" completion bash > "$build/completion/cardctl"
    "${clean[@]}" "$from/cardctl" completion zsh > "$build/completion/_cardctl"
    "${clean[@]}" "$from/cardctl" completion fish > "$build/completion/cardctl.fish"
    cat > "$build/debian/changelog" <<END
cardctl ($version) unstable; urgency=medium

  * What is new is in news.md.

 -- The makers of cardctl <cardctl@localhost>  $(date --utc --rfc-email --date "@$(git log -1 --format=%ct)")
END
    (cd "$build" && DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -b -uc -us -d > "$place/build.log" 2>&1) || { tail -n 40 "$place/build.log"; return 1; }
    cp "$place/cardctl_${version}_$(dpkg --print-architecture).deb" "$place/cardctl.deb"
    echo "$place/cardctl.deb: $(du -h "$place/cardctl.deb" | cut -f 1)"
}

build
[ -z "$testing" ] || tests/package/installed.sh "$place"
