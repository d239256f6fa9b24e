#!/usr/bin/env bash
# Licences, bans and sources of all dependencies, and known advisories where a database of them can be had.
#
#   scripts/deny.sh                                   with a network
#   FAWTARA_ADVISORY_DB=FILE.tar.xz scripts/deny.sh   without: an archive, or a folder, with `crates/` of RustSec's advisory-db in it
#   FAWTARA_OFFLINE=1 scripts/deny.sh                 without either; says so
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$root/scripts/lib/common.sh"
cd "$root"

loud() {
    printf '\n!!! deny: %s\n\n' "$*" >&2
}

# What the other platforms need is not there when nothing was ever fetched for them.
targets=()
fetch() {
    cargo fetch --locked --quiet 2>/dev/null && return
    host=$(rustc -vV | sed -n 's/^host: //p')
    targets=(--target "$host")
    say "not all crates can be fetched: only those for $host are looked at"
}

if [[ -z ${FAWTARA_ADVISORY_DB-} ]]; then
    if [[ -z ${FAWTARA_OFFLINE-} ]]; then exec cargo deny --workspace check; fi
    fetch
    cargo deny --workspace --offline "${targets[@]}" check bans licenses sources
    loud "advisories were NOT checked: there is no network and FAWTARA_ADVISORY_DB is not set"
    exit 0
fi

have git || apt_install git || die 69 "git is missing: cargo-deny reads the database from a repository"
work=$(mktemp -d "${TMPDIR:-/tmp}/fawtara-deny.XXXXXX")
trap 'rm -rf "$work"' EXIT

# cargo-deny wants a clone of a repository: what we have becomes one.
mkdir "$work/database"
if [[ -d $FAWTARA_ADVISORY_DB ]]; then
    cp -r "$FAWTARA_ADVISORY_DB/." "$work/database"
else
    have xz || apt_install xz-utils || die 69 "xz is missing: FAWTARA_ADVISORY_DB is an archive"
    tar -xf "$FAWTARA_ADVISORY_DB" -C "$work/database"
fi
found=$(find "$work/database" -maxdepth 2 -type d -name crates | head -1)
[[ -n $found ]] || die 65 "FAWTARA_ADVISORY_DB $FAWTARA_ADVISORY_DB holds no folder crates/: it is no copy of RustSec's advisory-db"
[[ $(find "$found" -name 'RUSTSEC-*.md' | head -1) ]] || die 65 "FAWTARA_ADVISORY_DB $FAWTARA_ADVISORY_DB holds no advisories"
mkdir "$work/repository"
mv "$found" "$work/repository/crates"
count=$(find "$work/repository" -name 'RUSTSEC-*.md' | wc -l)
newest=$(find "$work/repository" -name 'RUSTSEC-*.md' -printf '%TY-%Tm-%Td\n' | sort | tail -1)
git -C "$work/repository" init --quiet --initial-branch main
git -C "$work/repository" add .
git -C "$work/repository" -c user.name=deny -c user.email=deny@localhost commit --quiet --message "A copy of the advisory database"

# Where cargo-deny looks for the clone of the usual URL. Whether a version was yanked only a registry could say.
mkdir "$work/clones"
mv "$work/repository" "$work/clones/advisory-db-3157b0e258782691"
sed -e "s|^\[advisories\]|&\ndb-path = \"$work/clones\"|" -e 's|^yanked = .*|yanked = "allow"|' deny.toml >"$work/deny.toml"
fetch
cargo deny --workspace --offline "${targets[@]}" --config "$work/deny.toml" check bans licenses sources advisories
say "advisories were checked against a copy of $count (newest file of $newest); whether a version was yanked was not"
