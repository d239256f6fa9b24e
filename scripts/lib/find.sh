# shellcheck shell=bash
# Finds out what answers where, and which programs are installed: sourced by services.sh, starts and stops nothing.

# amqp_answers HOST PORT: an AMQP 0-9-1 server greets there (a frame of type "method").
amqp_answers() {
    # shellcheck disable=SC2016 # $1 and $2 are for the inner shell
    [[ $(timeout 5 bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit
        printf "AMQP\0\0\x09\x01" >&3
        head -c 1 <&3 | od -An -tx1' - "$1" "$2" 2>/dev/null) == " 01" ]]
}

# postgres_trusts HOST PORT USER: PostgreSQL lets USER in without a password. Spoken by hand, so that it also works
# where no client program is installed: the answer to the start-up message is "R", length 8, code 0.
postgres_trusts() {
    # shellcheck disable=SC2016 # the inner shell's variables
    [[ $(timeout 5 bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit
        length=$((4 + 4 + 5 + ${#3} + 1 + 9 + 9 + 1))
        printf "\0\0\0\x$(printf %x "$length")\0\3\0\0user\0%s\0database\0postgres\0\0" "$3" >&3
        head -c 9 <&3 | od -An -tx1' - "$1" "$2" "$3" 2>/dev/null) == " 52 00 00 00 08 00 00 00 00" ]]
}

tcp_answers() { timeout 5 bash -c "exec 3<>'/dev/tcp/$1/$2'" 2>/dev/null; }

# host_and_port URL DEFAULT_PORT
host_and_port() {
    local rest=${1#*://}
    rest=${rest%%[/?]*}
    rest=${rest##*@}
    case $rest in
    *:*) printf '%s %s\n' "${rest%:*}" "${rest##*:}" ;;
    *) printf '%s %s\n' "$rest" "$2" ;;
    esac
}

# The newest PostgreSQL server programs; Debian keeps them off the PATH.
find_pg_bin() {
    local dir newest=
    while IFS= read -r dir; do
        if [[ -x $dir/initdb && -x $dir/pg_ctl ]]; then newest=$dir; fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
    if [[ -z $newest ]] && have initdb && have pg_ctl; then newest=$(dirname "$(command -v initdb)"); fi
    [[ -n $newest ]] && printf '%s\n' "$newest"
}

# RabbitMQ's own start script. Debian's /usr/sbin/rabbitmq-server is another one, which changes the user and so
# loses the environment that makes a node private.
find_rabbitmq_server() {
    local candidate
    for candidate in /usr/lib/rabbitmq/bin/rabbitmq-server "$(command -v rabbitmq-server || true)"; do
        if [[ -n $candidate && -x $candidate ]]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

# The command prefix that reaches the machine's own node and finds that guest may log in.
find_rabbitmqctl() {
    local prefix
    for prefix in rabbitmqctl "sudo -n rabbitmqctl"; do
        # shellcheck disable=SC2086 # a prefix is several words
        if have "${prefix%% *}" && $prefix authenticate_user guest guest >/dev/null 2>&1 </dev/null; then
            printf '%s\n' "$prefix"
            return
        fi
    done
    return 1
}

find_psql() {
    local dir
    if dir=$(find_pg_bin) && [[ -x $dir/psql ]]; then printf '%s\n' "$dir/psql"; else command -v psql; fi
}
