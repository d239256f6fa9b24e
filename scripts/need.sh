#!/usr/bin/env bash
# Makes sure that tools are there: installs what can be installed without a question, else says what to install.
#
#   scripts/need.sh cargo cc c++ nextest rustfmt clippy sqlx deny xmllint python3
#
# Cargo's tools go to target/tools, not to the user's own; the Makefile puts target/tools/bin on the PATH.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$root/scripts/lib/common.sh"
PATH=$root/target/tools/bin:$PATH

# need_program PROGRAM DEBIAN_PACKAGE...
need_program() {
    local program=$1
    shift
    have "$program" && return
    if apt_usable && apt_install "$@" && have "$program"; then return; fi
    die 69 "$program is missing: install it (Debian, Ubuntu: apt-get install $*; or its like), then run this again"
}

# need_crate PROGRAM CRATE VERSION MINUTES [CARGO INSTALL OPTION...]
need_crate() {
    local program=$1 crate=$2 version=$3 minutes=$4 started=$SECONDS
    shift 4
    have "$program" && return
    "$0" cargo cc
    say "building $crate $version, once; this takes about $minutes minutes"
    # Unoptimised: a runner of tests waits for tests, it need not be fast, and it is built in half the time.
    CARGO_PROFILE_DEV_DEBUG=none cargo install --quiet --debug --locked --root "$root/target/tools" \
        "$crate@$version" "$@" ||
        die 69 "$crate could not be built: install it yourself (cargo install $crate), then run this again"
    say "built $crate in $((SECONDS - started)) s"
}

need_component() {
    cargo "$1" --version >/dev/null 2>&1 && return
    if have rustup && rustup component add "$2" >&2; then return; fi
    die 69 "cargo $1 is missing: add the Rust component $2 (rustup component add $2), then run this again"
}

for tool in "$@"; do
    case $tool in
    cargo)
        have cargo || die 69 "Rust is missing: install Rust 1.95 or newer (rustup is the usual way), then run this again"
        ;;
    cc) need_program cc gcc libc6-dev ;;
    c++) need_program c++ g++ ;;
    python3) need_program python3 python3 ;;
    xmllint) need_program xmllint libxml2-utils ;;
    nextest) need_crate cargo-nextest cargo-nextest 0.9.143 3 --no-default-features ;;
    sqlx) need_crate cargo-sqlx sqlx-cli 0.9.0 2 --no-default-features --features postgres,rustls,sqlx-toml ;;
    deny) need_crate cargo-deny cargo-deny 0.20.2 2 ;;
    rustfmt) need_component fmt rustfmt ;;
    clippy) need_component clippy clippy ;;
    *) die 64 "unknown tool: $tool" ;;
    esac
done
