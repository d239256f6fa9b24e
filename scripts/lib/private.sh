# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with services.sh
# Starts and stops RabbitMQ and PostgreSQL of our own in one directory: sourced by services.sh, knows nothing of
# services that others run. All state is in the directory, so that another process can do the stopping:
#
#   DIR/settings                 what was chosen: ports, user, paths (shell assignments)
#   DIR/rabbitmq-server          starts the node again in the foreground, as it was (for tests that kill it)
#   DIR/rabbitmqctl              rabbitmqctl for that node
#   DIR/pg_ctl                   pg_ctl for that cluster: DIR/pg_ctl restart -m immediate
#   DIR/rabbitmq DIR/postgres    configuration, data, logs, pid files

# A port that nobody listens on, below 32768: above it the kernel hands ports to outgoing connections, and a server
# that restarts may find its own taken.
pick_port() {
    local port
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 12000))
        if [[ " ${picked_ports-} " != *" $port "* ]] && ! tcp_answers 127.0.0.1 "$port"; then
            picked_ports="${picked_ports-} $port"
            REPLY=$port
            return
        fi
    done
    die 70 "no free port between 20000 and 32000"
}

# remember NAME...: writes these variables to the directory's settings, for whoever stops the services.
remember() {
    local name
    for name in "$@"; do printf '%s=%q\n' "$name" "${!name}"; done >>"$dir/settings"
}

# write_program FILE: stdin becomes an executable.
write_program() {
    cat >"$1.new"
    chmod 755 "$1.new"
    mv -f "$1.new" "$1"
}

# --- PostgreSQL -----------------------------------------------------------------------------------------------------

start_postgres() {
    local port started=$SECONDS as=() options
    # PostgreSQL refuses to run as root.
    if ((EUID == 0)); then
        pg_user=postgres
        id "$pg_user" >/dev/null 2>&1 || pg_user=nobody
        as=(setpriv "--reuid=$pg_user" "--regid=$(id -g "$pg_user")" --init-groups --)
    fi
    pg_data=$dir/postgres/data pg_data_elsewhere=
    mkdir -p "$dir/postgres"
    if ((EUID == 0)); then
        chown "$pg_user" "$dir/postgres"
        if ! "${as[@]}" test -w "$dir/postgres"; then
            # The directory lies below one that only root may enter, a checkout in root's home for example.
            pg_data_elsewhere=$(mktemp -d /var/tmp/fawtara-postgres.XXXXXX)
            chown "$pg_user" "$pg_data_elsewhere"
            pg_data=$pg_data_elsewhere/data
            say "PostgreSQL's data is in $pg_data_elsewhere and goes with the run: $pg_user may not enter $dir"
        fi
    fi
    remember pg_bin pg_data pg_data_elsewhere
    pg_log=$(dirname "$pg_data")/log

    if [[ ! -e $pg_data/PG_VERSION ]]; then
        (cd / && "${as[@]}" "$pg_bin/initdb" -D "$pg_data" -U postgres -A trust -E UTF8 --no-locale --no-sync) \
            >"$dir/initdb.log" 2>&1 9>&- || {
            tail -n 20 "$dir/initdb.log" >&2
            die 70 "initdb failed"
        }
    fi
    for _ in 1 2 3; do
        pick_port
        port=$REPLY
        # Durability stays as PostgreSQL ships it: tests and the benchmark are to see the real thing.
        options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= -c max_connections=400 ${FAWTARA_PRIVATE_PG_OPTIONS-}"
        write_program "$dir/pg_ctl" <<PROGRAM
#!/bin/sh
# pg_ctl for this directory's own PostgreSQL on 127.0.0.1:$port.
cd /
exec ${as[*]} '$pg_bin/pg_ctl' -D '$pg_data' -l '$pg_log' -o '$options' -w -t 60 "\$@"
PROGRAM
        if "$dir/pg_ctl" start >"$dir/pg_ctl.log" 2>&1 9>&- && postgres_trusts 127.0.0.1 "$port" postgres; then
            database_url=postgres://postgres@127.0.0.1:$port/postgres
            say "PostgreSQL of our own answers on 127.0.0.1:$port after $((SECONDS - started)) s"
            return
        fi
    done
    tail -n 30 "$dir/pg_ctl.log" "$pg_log" >&2 || true
    die 70 "PostgreSQL did not start"
}

stop_postgres() {
    [[ -n ${pg_data-} && -e $pg_data/postmaster.pid && -x $dir/pg_ctl ]] || return 0
    local mode=fast
    [[ $keep == yes ]] || mode=immediate
    "$dir/pg_ctl" stop -m "$mode" >/dev/null 2>&1 || "$dir/pg_ctl" stop -m immediate >/dev/null 2>&1 ||
        say "could not stop PostgreSQL in $pg_data"
}

# --- RabbitMQ -------------------------------------------------------------------------------------------------------

find_epmd() {
    command -v epmd && return
    local candidate erlang
    erlang=$(erl -noshell -eval 'io:put_chars(code:root_dir()), halt().' 2>/dev/null) || return
    for candidate in "$erlang"/erts-*/bin/epmd; do
        if [[ -x $candidate ]]; then printf '%s\n' "$candidate"; fi
    done
}

# start_rabbitmq [SUFFIX]: starts a node and returns; await_rabbitmq waits for it, so that PostgreSQL can start
# meanwhile. Nodes with a suffix form a cluster (see cluster.sh); they share the cookie in HOME and epmd.
start_rabbitmq() {
    local suffix=${1-} home=$dir/rabbitmq${1-} dist_port ctl_port epmd ctl
    rabbitmq_started=${rabbitmq_started-$SECONDS}
    mkdir -p "$dir/rabbitmq" "$home/log"
    pick_port && rabbitmq_port=$REPLY
    pick_port && dist_port=$REPLY
    if [[ -z $suffix || -z ${epmd_port-} ]]; then
        pick_port && epmd_port=$REPLY
        epmd=start
    fi
    # rabbitmqctl listens as well; every call needs a port, and many run at once.
    ctl_port=$((12000 + RANDOM % 7000))
    ctl=$(dirname "$rabbitmq_server")/rabbitmqctl
    [[ -x $ctl ]] || ctl=rabbitmqctl
    remember epmd_port

    cat >"$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$rabbitmq_port
# The defaults want 2 GB of memory and refuse to publish on small or full disks.
vm_memory_high_watermark.relative = 0.8
disk_free_limit.absolute = 50MB
CONF
    if [[ -n $suffix ]]; then cluster_settings >>"$home/rabbitmq.conf"; fi
    : >"$home/rabbitmq-env.conf"
    printf '[].\n' | tee "$home/advanced.config" >"$home/enabled_plugins"
    # Everything that would else be read from or written to the places of the machine's own node.
    cat >"$dir/environment$suffix" <<ENVIRONMENT
unset NOTIFY_SOCKET RABBITMQ_BASE
export HOME='$dir/rabbitmq' ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_NODENAME=fawtara$suffix@localhost RABBITMQ_DIST_PORT=$dist_port
export RABBITMQ_CONF_ENV_FILE='$home/rabbitmq-env.conf' RABBITMQ_CONFIG_FILE='$home/rabbitmq.conf'
export RABBITMQ_ADVANCED_CONFIG_FILE='$home/advanced.config' RABBITMQ_CONFIG_FILES='$home/conf.d'
export RABBITMQ_GENERATED_CONFIG_DIR='$home/config' RABBITMQ_ENABLED_PLUGINS_FILE='$home/enabled_plugins'
export RABBITMQ_MNESIA_BASE='$home/mnesia' RABBITMQ_LOG_BASE='$home/log' RABBITMQ_LOGS='$home/log/node.log'
export RABBITMQ_PID_FILE='$home/pid'
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
export RABBITMQ_CTL_DIST_PORT_MIN=$ctl_port RABBITMQ_CTL_DIST_PORT_MAX=$((ctl_port + 900))
ENVIRONMENT
    write_program "$dir/rabbitmq-server$suffix" <<PROGRAM
#!/bin/sh
# Starts this directory's own RabbitMQ on 127.0.0.1:$rabbitmq_port, in the foreground.
. '$dir/environment$suffix'
exec '$rabbitmq_server' "\$@"
PROGRAM
    write_program "$dir/rabbitmqctl$suffix" <<PROGRAM
#!/bin/sh
# rabbitmqctl for this directory's own RabbitMQ on 127.0.0.1:$rabbitmq_port.
. '$dir/environment$suffix'
exec '$ctl' "\$@"
PROGRAM

    if [[ -n ${epmd-} ]]; then
        # It would else be started by the node, as a daemon that outlives it.
        epmd=$(find_epmd) || die 69 "Erlang's epmd is missing"
        (exec 9>&- && exec setsid "$epmd" -port "$epmd_port" -address 127.0.0.1) </dev/null >"$home/epmd.log" 2>&1 &
        echo $! >"$dir/rabbitmq/epmd.pid"
    fi
    (exec 9>&- && exec setsid "$dir/rabbitmq-server$suffix") </dev/null >"$home/server.log" 2>&1 &
    rabbitmq_wrapper=$!
    echo "$rabbitmq_wrapper" >"$home/wrapper.pid"
}

# await_rabbitmq [SUFFIX]: for the node that was started last.
await_rabbitmq() {
    local suffix=${1-} deadline=$((SECONDS + 120)) restarts=0
    until amqp_answers 127.0.0.1 "$rabbitmq_port"; do
        if ! kill -0 "$rabbitmq_wrapper" 2>/dev/null && ((restarts++ < 2)); then
            # Most likely somebody took one of the ports between our look and the start.
            stop_node "$suffix"
            start_rabbitmq "$suffix"
        elif ((SECONDS > deadline || restarts > 2)); then
            tail -n 30 "$dir/rabbitmq$suffix"/server.log "$dir/rabbitmq$suffix"/log/*.log >&2 || true
            die 70 "RabbitMQ did not start"
        fi
        sleep 0.2
    done
    rabbitmqctl=$dir/rabbitmqctl$suffix
    amqp_url=amqp://guest:guest@127.0.0.1:$rabbitmq_port/%2f
    say "RabbitMQ of our own answers on 127.0.0.1:$rabbitmq_port after $((SECONDS - rabbitmq_started)) s"
}

stop_rabbitmq() {
    local home
    for home in "$dir"/rabbitmq-[0-9] "$dir/rabbitmq"; do
        if [[ -d $home ]]; then stop_node "${home#"$dir/rabbitmq"}"; fi
    done
    end_process "$dir/rabbitmq/epmd.pid" "-port" 5
}

# stop_node SUFFIX: a node of a cluster goes with its data, and may have been stopped by a signal; so it is not asked.
stop_node() {
    end_process "$dir/rabbitmq$1/pid" "$dir/rabbitmq" 15 ${1:+KILL}
    end_process "$dir/rabbitmq$1/wrapper.pid" rabbitmq-server 5
    if [[ -z $1 ]]; then end_process "$dir/rabbitmq/epmd.pid" "-port" 5; fi
}

# end_process PID_FILE WORD SECONDS [SIGNAL]: ends the process of that file, if its command line still has WORD in it
# (a pid may have gone to somebody else by now).
end_process() {
    local pid deadline=$((SECONDS + $3))
    pid=$(tr -cd '0-9' 2>/dev/null <"$1") || return 0
    [[ -n $pid ]] && is_process "$pid" "$2" || return 0
    kill "-${4-TERM}" "$pid" 2>/dev/null || return 0
    while is_process "$pid" "$2"; do
        if ((SECONDS >= deadline)); then
            kill -KILL "$pid" 2>/dev/null || true
            deadline=$((SECONDS + 5))
        fi
        sleep 0.1
    done
}

is_process() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$2"; }

# --- both -----------------------------------------------------------------------------------------------------------

# stop_private DIR: stops what runs there, and removes the directory unless it is to be kept.
stop_private() {
    [[ -r $1/settings ]] || return 0
    dir=$(cd "$1" && pwd) keep=yes compose=
    # shellcheck disable=SC1091 # written by remember
    . "$dir/settings"
    if [[ -n $compose ]]; then compose_down; fi
    stop_fleet
    stop_postgres
    stop_rabbitmq
    if [[ -n ${pg_data_elsewhere-} ]]; then rm -rf "$pg_data_elsewhere"; fi
    if [[ $keep == yes ]]; then rm -f "$dir/settings"; else rm -rf "$dir"; fi
}
