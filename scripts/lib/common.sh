# shellcheck shell=bash
# Speaking, failing and installing Debian packages: sourced by the other scripts, knows nothing of what they do.

# Exit codes as in sysexits.h: 64 wrong usage, 69 something that is needed is not there, 70 it is there and failed.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Debian packages can be installed without a question: we are root, or sudo asks for no password.
apt_usable() { have apt-get && { ((EUID == 0)) || sudo -n true 2>/dev/null; }; }

as_root() { if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi; }

# apt_install PACKAGE...: installs them without starting their services, whose start the package would else ask of
# the init system: policy-rc.d is the switch that Debian has for this. What was there before is put back.
apt_install() (
    local log policy=/usr/sbin/policy-rc.d started=$SECONDS
    log=$(mktemp "${TMPDIR:-/tmp}/fawtara-apt.XXXXXX")
    # shellcheck disable=SC2317 # called by the trap
    restore() {
        if [[ -e $policy.before-fawtara ]]; then
            as_root mv -f "$policy.before-fawtara" "$policy"
        else
            as_root rm -f "$policy"
        fi
        rm -f "$log"
    }
    # Two runs that install at once would put back each other's switch.
    exec 8>"${TMPDIR:-/tmp}/fawtara-apt.$(id -u).lock"
    have flock && flock 8
    trap restore EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    [[ ! -e $policy ]] || as_root cp -p "$policy" "$policy.before-fawtara"
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"

    say "installing $* with apt-get; this may take a minute or two"
    if { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
            install --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
        say "installed $* in $((SECONDS - started)) s"
    else
        tail -n 30 "$log" >&2
        say "apt-get could not install $*"
        return 1
    fi
)
