#!/usr/bin/env bash
# Gives a command RabbitMQ and PostgreSQL: those that are there, else private ones, which end with the command.
set -euo pipefail

usage() {
    cat >&2 <<'USAGE'
usage: scripts/services.sh run COMMAND...          use the services that are there, else start private ones
       scripts/services.sh private DIR COMMAND...  always start private ones; DIR keeps their data for the next time
       scripts/services.sh cluster COMMAND...      private ones, RabbitMQ as a cluster of three nodes

They are looked for in FAWTARA_TEST_AMQP_URL and FAWTARA_TEST_DATABASE_URL, then on 127.0.0.1:5672 (guest may log in,
rabbitmqctl reaches the node) and 127.0.0.1:5432 (user postgres or you, without a password). FAWTARA_TEST_PRIVATE=1
does not look; FAWTARA_PRIVATE_PG_OPTIONS are more options for the command line of a private PostgreSQL. What is missing is
installed where that needs no question: Debian or Ubuntu packages, else docker.

COMMAND sees
  FAWTARA_TEST_AMQP_URL, FAWTARA_TEST_DATABASE_URL   where the services are
  FAWTARA_TEST_RABBITMQCTL      command prefix that reaches the node (may be several words)
  FAWTARA_TEST_PG_BIN           directory of initdb and pg_ctl, when known
  FAWTARA_TEST_RABBITMQ_SERVER  RabbitMQ's start script, when known
  FAWTARA_TEST_SERVICES_DIR     directory of the private services, when there are any: programs rabbitmq-server,
                                rabbitmqctl and pg_ctl in it act on them, so that they can be killed and restarted;
                                of a cluster's nodes -1, -2 and -3: rabbitmqctl-2. What runs from its folder
                                fleet/ is ended with them
  FAWTARA_TEST_RUN              eight hexadecimal digits: databases, vhosts and users of RabbitMQ named
                                fawtara_test_${FAWTARA_TEST_RUN}_* are removed at the end

The exit code is COMMAND's; 69 when the services cannot be had, 70 when they do not start.
USAGE
    exit 64
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$root/scripts/lib/common.sh"
# shellcheck source=scripts/lib/find.sh
. "$root/scripts/lib/find.sh"
# shellcheck source=scripts/lib/private.sh
. "$root/scripts/lib/private.sh"
# shellcheck source=scripts/lib/cluster.sh
. "$root/scripts/lib/cluster.sh"
# shellcheck source=scripts/lib/compose.sh
. "$root/scripts/lib/compose.sh"

# What was found or started; empty is "not yet".
amqp_url='' database_url='' rabbitmqctl='' pg_bin='' rabbitmq_server=''
# The directory of private services, empty while there are none.
dir=''
# The running command.
child=''
# Whether the services are others', so that what the run leaves in them has to be removed.
found_rabbitmq=no found_postgres=no

# --- finding --------------------------------------------------------------------------------------------------------

find_running() {
    local host port user
    if [[ -n ${FAWTARA_TEST_AMQP_URL-} ]]; then
        read -r host port < <(host_and_port "$FAWTARA_TEST_AMQP_URL" 5672)
        amqp_answers "$host" "$port" || tcp_answers "$host" "$port" ||
            die 69 "FAWTARA_TEST_AMQP_URL is set, but nothing answers on $host:$port"
        amqp_url=$FAWTARA_TEST_AMQP_URL
        rabbitmqctl=${FAWTARA_TEST_RABBITMQCTL-}
        if [[ -z $rabbitmqctl && "$host $port" =~ ^(127\.0\.0\.1|localhost)\ 5672$ ]]; then
            rabbitmqctl=$(find_rabbitmqctl) || say "rabbitmqctl does not reach that node; some tests will want it"
        fi
    elif [[ -z ${FAWTARA_TEST_PRIVATE-} ]] && amqp_answers 127.0.0.1 5672 && rabbitmqctl=$(find_rabbitmqctl); then
        amqp_url=amqp://guest:guest@127.0.0.1:5672/%2f
    fi
    if [[ -n ${FAWTARA_TEST_DATABASE_URL-} ]]; then
        read -r host port < <(host_and_port "$FAWTARA_TEST_DATABASE_URL" 5432)
        tcp_answers "$host" "$port" ||
            die 69 "FAWTARA_TEST_DATABASE_URL is set, but nothing answers on $host:$port"
        database_url=$FAWTARA_TEST_DATABASE_URL
    elif [[ -z ${FAWTARA_TEST_PRIVATE-} ]]; then
        for user in postgres "$(id -un)"; do
            if postgres_trusts 127.0.0.1 5432 "$user"; then
                database_url=postgres://$user@127.0.0.1:5432/postgres
                break
            fi
        done
    fi
    if [[ -n $amqp_url ]]; then
        found_rabbitmq=yes
        say "using RabbitMQ at ${amqp_url##*@}"
    fi
    if [[ -n $database_url ]]; then
        found_postgres=yes
        say "using PostgreSQL at ${database_url##*@}"
    fi
}

# --- private services -----------------------------------------------------------------------------------------------

# Installs the programs that the missing services need. Fails when it cannot.
install_missing() {
    local packages=()
    pg_bin=$(find_pg_bin) || [[ -n $database_url ]] || packages+=(postgresql)
    rabbitmq_server=$(find_rabbitmq_server) || [[ -n $amqp_url ]] || packages+=(rabbitmq-server)
    if ((${#packages[@]})); then
        apt_usable && apt_install "${packages[@]}" || return
        pg_bin=$(find_pg_bin) || [[ -n $database_url ]] || return
        rabbitmq_server=$(find_rabbitmq_server) || [[ -n $amqp_url ]] || return
    fi
    # PostgreSQL will not run as root, and setpriv is how we leave it.
    have setsid && { ((EUID != 0)) || have setpriv; }
}

say_what_to_install() {
    cat >&2 <<'WHAT'

RabbitMQ 3.10 or newer and PostgreSQL 14 or newer are needed; neither is running where they were looked for, and they
cannot be installed without your help. Any one of these will do; then run the same command again:

  Debian, Ubuntu    sudo apt-get install postgresql rabbitmq-server
  Fedora            sudo dnf install postgresql-server rabbitmq-server
  macOS             brew install postgresql@16 rabbitmq && brew services start rabbitmq postgresql@16
  Docker            start the Docker engine (with the compose plug-in)
  elsewhere         FAWTARA_TEST_AMQP_URL=amqp://user:password@host:5672/%2f \
                    FAWTARA_TEST_DATABASE_URL=postgres://user:password@host:5432/postgres
                    (users that may create vhosts and databases) and, for the tests that need it,
                    FAWTARA_TEST_RABBITMQCTL=a command that acts as rabbitmqctl there

WHAT
    exit 69
}

# take_directory DIR KEEP: DIR becomes ours, with a guard: a process that stops whatever has been started there as soon
# as this one ends, in whatever way. It notices by the pipe (descriptor 9) that only this process holds open.
take_directory() {
    local keep=$2
    mkdir -p "$1"
    dir=$(cd "$1" && pwd)
    chmod 755 "$dir"
    : >"$dir/settings"
    remember keep
    exec 9> >(exec setsid "$BASH" "$root/scripts/services.sh" guard "$dir")
    echo $! >"$dir/guard.pid"
}

guard() {
    trap '' INT TERM HUP
    cat >/dev/null
    stop_private "$1"
    # Set by the settings that it read, when there was something to stop.
    if [[ -n ${epmd_port-}${pg_data-}${compose-} ]]; then say "stopped the private services"; fi
}

# Directories of runs that were killed together with their guard.
sweep_abandoned() {
    local old owner
    for old in "$root"/target/services/run.*; do
        owner=${old#*/run.}
        owner=${owner%%.*}
        if [[ -d $old && ! -d /proc/$owner ]] && ! guard_is_alive "$old"; then
            say "stopping what an earlier run left behind in $old"
            stop_private "$old"
        fi
    done
    dir=''
}

# guard_is_alive DIR: somebody uses the services there, or they are being stopped.
guard_is_alive() {
    local pid
    pid=$(cat "$1/guard.pid" 2>/dev/null) && is_process "$pid" "services.sh guard"
}

start_missing() {
    if install_missing; then
        say "starting private services in $dir"
        if [[ -z $amqp_url ]]; then start_rabbitmq; fi
        if [[ -z $database_url ]]; then start_postgres; fi
        if [[ -z $amqp_url ]]; then await_rabbitmq; fi
    elif compose_usable; then
        local missing=()
        [[ -n $amqp_url ]] || missing+=(rabbitmq)
        [[ -n $database_url ]] || missing+=(postgres)
        compose_up "${missing[@]}"
    else
        say_what_to_install
    fi
}

# --- the run --------------------------------------------------------------------------------------------------------

export_services() {
    export FAWTARA_TEST_AMQP_URL=$amqp_url FAWTARA_TEST_DATABASE_URL=$database_url
    FAWTARA_TEST_RUN=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
    export FAWTARA_TEST_RUN
    if [[ -n $rabbitmqctl ]]; then export FAWTARA_TEST_RABBITMQCTL=$rabbitmqctl; fi
    if [[ -n $dir ]]; then export FAWTARA_TEST_SERVICES_DIR=$dir; fi
    if [[ -z ${FAWTARA_TEST_PG_BIN-} ]] && pg_bin=$(find_pg_bin); then export FAWTARA_TEST_PG_BIN=$pg_bin; fi
    if [[ -z ${FAWTARA_TEST_RABBITMQ_SERVER-} ]] && rabbitmq_server=$(find_rabbitmq_server); then
        export FAWTARA_TEST_RABBITMQ_SERVER=$rabbitmq_server
    fi
}

# Runs the command with the terminal as it is, but so that a signal sent to us alone reaches it too.
run_command() {
    local status=0
    (
        trap - INT TERM HUP
        exec 9>&-
        exec "$@"
    ) <&0 &
    child=$!
    while :; do
        status=0
        wait "$child" || status=$?
        kill -0 "$child" 2>/dev/null || break
    done
    child=''
    return "$status"
}

on_signal() {
    if [[ -z $child ]]; then
        exit "$2"
    elif [[ $1 != INT ]] || ! { : >/dev/tty; } 2>/dev/null; then
        # Ctrl-C reaches the command without us.
        kill "-$1" "$child" 2>/dev/null || true
    fi
}

# Databases, vhosts and users of a test that could not clean up after itself, in services that are not ours to throw away.
remove_leftovers() {
    local name psql prefix=fawtara_test_${FAWTARA_TEST_RUN-none}_
    if [[ $found_postgres == yes ]] && psql=$(find_psql); then
        while IFS= read -r name; do
            "$psql" -d "$database_url" -wqc "DROP DATABASE IF EXISTS \"$name\" WITH (FORCE)" >/dev/null || true
        done < <("$psql" -d "$database_url" -wAtqc \
            "SELECT datname FROM pg_database WHERE starts_with(datname, '$prefix')" 2>/dev/null)
    fi
    if [[ $found_rabbitmq == yes && -n $rabbitmqctl ]]; then
        while IFS= read -r name; do
            # shellcheck disable=SC2086 # a prefix is several words
            $rabbitmqctl -q delete_vhost "$name" </dev/null >/dev/null 2>&1 || true
        done < <($rabbitmqctl -q --no-table-headers list_vhosts name 2>/dev/null </dev/null | grep "^$prefix")
        while IFS=$'\t' read -r name _; do
            # shellcheck disable=SC2086 # a prefix is several words
            $rabbitmqctl -q delete_user "$name" </dev/null >/dev/null 2>&1 || true
        done < <($rabbitmqctl -q --no-table-headers list_users 2>/dev/null </dev/null | grep "^$prefix")
    fi
}

finish() {
    local status=$? guard
    trap - EXIT
    trap '' INT TERM HUP
    if [[ -n ${FAWTARA_TEST_RUN-} ]]; then remove_leftovers; fi
    if [[ -n $dir ]]; then
        guard=$(cat "$dir/guard.pid")
        exec 9>&-
        while is_process "$guard" "services.sh guard"; do sleep 0.1; done
    fi
    exit "$status"
}

main() {
    (($# > 0)) || usage
    local mode=$1
    shift
    case $mode in
    guard)
        guard "$1"
        return
        ;;
    run | cluster) (($# > 0)) || usage ;;
    private) (($# > 1)) || usage ;;
    *) usage ;;
    esac

    trap finish EXIT
    trap 'on_signal INT 130' INT
    trap 'on_signal TERM 143' TERM
    trap 'on_signal HUP 129' HUP
    if [[ $mode == run ]]; then
        find_running
        if [[ -z $amqp_url || -z $database_url ]]; then
            sweep_abandoned
            mkdir -p "$root/target/services"
            take_directory "$(mktemp -d "$root/target/services/run.$$.XXXX")" no
            start_missing
        fi
    elif [[ $mode == cluster ]]; then
        sweep_abandoned
        mkdir -p "$root/target/services"
        take_directory "$(mktemp -d "$root/target/services/run.$$.XXXX")" no
        install_missing || say_what_to_install
        say "starting private services in $dir"
        start_cluster
    else
        if guard_is_alive "$1"; then die 75 "the services in $1 are running already"; fi
        stop_private "$1"
        take_directory "$1" yes
        shift
        start_missing
    fi
    export_services
    run_command "$@"
}

main "$@"
