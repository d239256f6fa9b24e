# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with services.sh and private.sh
# Three RabbitMQ nodes of our own that form a cluster, for the chaos harness: sourced by services.sh. Each node has the
# programs of private.sh under its number: DIR/rabbitmq-server-2, DIR/rabbitmqctl-2, its data in DIR/rabbitmq-2.

cluster_nodes=(-1 -2 -3)

# What every node's configuration says of the cluster.
cluster_settings() {
    local suffix
    printf 'cluster_formation.peer_discovery_backend = classic_config\n'
    for suffix in "${cluster_nodes[@]}"; do
        printf 'cluster_formation.classic_config.nodes.%s = fawtara%s@localhost\n' "${suffix#-}" "$suffix"
    done
    # What we advise for production: a minority stops rather than go on alone.
    printf 'cluster_partition_handling = pause_minority\n'
}

# Starts the first node, so that the others find it, then these two together.
start_cluster() {
    local suffix hosts='' ports=() started=$SECONDS
    start_rabbitmq -1
    start_postgres
    await_rabbitmq -1
    hosts=127.0.0.1:$rabbitmq_port
    for suffix in "${cluster_nodes[@]:1}"; do
        start_rabbitmq "$suffix"
        ports+=("$rabbitmq_port $rabbitmq_wrapper")
    done
    for suffix in "${cluster_nodes[@]:1}"; do
        read -r rabbitmq_port rabbitmq_wrapper <<<"${ports[0]}"
        ports=("${ports[@]:1}")
        await_rabbitmq "$suffix"
        hosts+=,127.0.0.1:$rabbitmq_port
    done
    "$dir/rabbitmqctl-1" -q await_online_nodes "${#cluster_nodes[@]}" -t 60 </dev/null >"$dir/cluster.log" 2>&1 || {
        cat "$dir/cluster.log" >&2
        die 70 "the three RabbitMQ nodes do not form a cluster"
    }
    rabbitmqctl=$dir/rabbitmqctl-1
    amqp_url=amqp://guest:guest@$hosts/%2f
    say "a cluster of ${#cluster_nodes[@]} RabbitMQ nodes answers after $((SECONDS - started)) s"
}

# Ends whatever still runs from DIR/fleet: a harness that was killed could not do so itself.
stop_fleet() {
    local exe
    [[ -d $dir/fleet ]] || return 0
    for exe in /proc/[0-9]*/exe; do
        case $(readlink "$exe" 2>/dev/null) in
        "$dir"/fleet/*)
            exe=${exe#/proc/}
            kill -KILL "${exe%/exe}" 2>/dev/null || true
            ;;
        esac
    done
}
