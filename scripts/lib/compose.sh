# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with services.sh
# RabbitMQ and PostgreSQL from deploy/compose.yaml, where no packages can be installed: sourced by services.sh.

compose_usable() { have docker && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; }

compose_file() { printf '%s/deploy/compose.yaml\n' "$root"; }

# compose_up SERVICE...: starts these on ports of their own and sets amqp_url, rabbitmqctl and database_url.
compose_up() {
    local service
    compose=fawtara-$$
    pick_port && export FAWTARA_AMQP_PORT=$REPLY
    pick_port && export FAWTARA_MANAGEMENT_PORT=$REPLY
    pick_port && export FAWTARA_POSTGRES_PORT=$REPLY
    remember compose
    say "starting $* with docker compose; the first time this downloads them"
    docker compose -p "$compose" -f "$(compose_file)" up -d --wait "$@" >&2 9>&- || die 70 "docker compose failed"
    for service in "$@"; do
        case $service in
        rabbitmq)
            amqp_url=amqp://fawtara:fawtara@127.0.0.1:$FAWTARA_AMQP_PORT/%2f
            rabbitmqctl="docker compose -p $compose -f $(compose_file) exec -T rabbitmq rabbitmqctl"
            ;;
        postgres) database_url=postgres://fawtara:fawtara@127.0.0.1:$FAWTARA_POSTGRES_PORT/fawtara ;;
        esac
    done
}

compose_down() { docker compose -p "$compose" -f "$(compose_file)" down -v --timeout 5 >/dev/null 2>&1 || true; }
