#!/usr/bin/env bash
# Writes .sqlx/, which lets queries be checked without a database, from a new database with all migrations in it.
# Run by `make sqlx-prepare`, under scripts/services.sh.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${FAWTARA_TEST_DATABASE_URL:?run this as: make sqlx-prepare}" "${FAWTARA_TEST_RUN:?run this as: make sqlx-prepare}"

cd "$root"
# A database of the run: scripts/services.sh removes it, whatever happens here.
export DATABASE_URL=${FAWTARA_TEST_DATABASE_URL%/*}/fawtara_test_${FAWTARA_TEST_RUN}_prepare
export SQLX_OFFLINE=false
cargo sqlx database create
cargo sqlx migrate run --source migrations
cargo sqlx prepare --workspace -- --all-targets
cargo sqlx database drop -y -f
