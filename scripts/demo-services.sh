#!/usr/bin/env bash
# Runs the demo on a database and a virtual host of its own. Meant to be run by scripts/services.sh, which finds or starts
# the services and removes what is named fawtara_test_* when this ends.
set -euo pipefail

: "${FAWTARA_TEST_RUN:?run me through scripts/services.sh run}"
name=fawtara_test_${FAWTARA_TEST_RUN}_demo
read -ra rabbitmqctl <<<"$FAWTARA_TEST_RABBITMQCTL"

# amqp://user:password@host:port/vhost and postgres://user@host:port/database?options, with our own name in the last place
broker=${FAWTARA_TEST_AMQP_URL%%\?*}
scheme=${broker%%://*}
place=${broker#*://}
place=${place%%/*}
user=${place%%:*}
export FAWTARA__BROKER__URL=$scheme://$place/$name
database=${FAWTARA_TEST_DATABASE_URL%%\?*}
options=${FAWTARA_TEST_DATABASE_URL#"$database"}
export FAWTARA__LEDGER__URL=${database%/*}/$name$options

"${rabbitmqctl[@]}" -q add_vhost "$name"
"${rabbitmqctl[@]}" -q set_permissions -p "$name" "$user" '.*' '.*' '.*'
psql=psql
[[ -n ${FAWTARA_TEST_PG_BIN:-} && -x $FAWTARA_TEST_PG_BIN/psql ]] && psql=$FAWTARA_TEST_PG_BIN/psql
"$psql" -q "$FAWTARA_TEST_DATABASE_URL" -c "CREATE DATABASE $name"

exec "$@"
