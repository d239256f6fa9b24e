#!/usr/bin/env bash
# Attacks everything that parses bytes from outside, with a coverage-guided engine, on stable Rust. `make fuzz` runs it.
#
#   scripts/fuzz.sh [TARGET...]      every target without one
#
#   RUNS=10000000   inputs for each target, at most
#   FOR=10m         time for each target, at most
#   JOBS=           so many targets at once; as many as there are cores without it
#   BUILD=          empty: use what is built already (CAMPAIGN and CORPUS name other programs than the usual ones)
#
# What the engine has reached goes on from run to run in target/fuzz/corpus; its essence is written to tests/fuzz/corpus/TARGET/found.txt,
# which is kept. A finding is made as small as can be and put into tests/fuzz/regressions/TARGET/, where every run of the tests meets it.
# Results are added to docs/evidence/fuzz.tsv, so that inputs can be summed over runs. Ends with 1 when something was found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

runs=${RUNS:-10000000}
seconds=$(sed -nE 's/^([0-9]+)s?$/\1/p; s/^([0-9]+)m$/\1*60/p; s/^([0-9]+)h$/\1*3600/p' <<<"${FOR:-10m}")
[[ -n $seconds ]] || die 64 "FOR is ${FOR-}: write a time such as 90s, 10m or 2h"
seconds=$((seconds))
jobs=${JOBS:-$(nproc)}
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die 64 "JOBS is $jobs: write a number from 1 on"
home=target/fuzz
record=docs/evidence/fuzz.tsv
triple=$(rustc -vV | sed -n 's/^host: //p')
campaign=${CAMPAIGN:-$home/$triple/fuzz/campaign}
tool=${CORPUS:-target/debug/corpus}

# The passes of the compiler that count which branches were taken; the names of a target machine keep them out of build scripts.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
if [[ -n ${BUILD-1} ]]; then
    cargo build --quiet -p fuzz --bin corpus
    RUSTFLAGS=$coverage CARGO_TARGET_DIR=$home cargo build --quiet --profile fuzz --target "$triple" -p fuzz --features engine --bin campaign
fi
mkdir -p "$home/corpus" "$home/findings"

# attack TARGET: one campaign, with its line on the screen and in the record; fails when it found something.
attack() {
    local target=$1 longest corpus dictionary log started spent status=0 inputs reached file small kept size
    longest=$("$tool" longest "$target")
    corpus=$home/corpus/$target
    mkdir -p "$corpus" "$home/findings/$target"
    "$tool" unpack "$target" "$corpus" >/dev/null
    "$tool" dictionary "$target" >"$home/$target.dict"
    dictionary=()
    # The engine takes no empty one.
    if [[ -s $home/$target.dict ]]; then dictionary=(-dict="$home/$target.dict"); fi
    log=$home/$target.log
    started=$SECONDS
    FUZZ_TARGET=$target "$campaign" "$corpus" -runs="$runs" -max_total_time="$seconds" -max_len="$longest" \
        "${dictionary[@]}" -timeout=5 -rss_limit_mb=1024 -artifact_prefix="$home/findings/$target/" \
        -print_final_stats=1 -reload=0 >"$log" 2>&1 || status=$?
    spent=$((SECONDS - started))
    inputs=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    reached=$(grep -oE 'cov: [0-9]+' "$log" | tail -1 | cut -d' ' -f2 || true)
    if ((status)); then
        file=$(sed -nE 's/.*Test unit written to //p' "$log" | tail -1)
        if [[ -n $file ]]; then
            small=$home/findings/$target/smallest
            cp "$file" "$small"
            FUZZ_TARGET=$target "$campaign" "$file" -minimize_crash=1 -runs=20000 -max_total_time=60 -exact_artifact_path="$small" \
                >"$log.smaller" 2>&1 || true
            kept=tests/fuzz/regressions/$target/$(sha256sum "$small" | cut -c1-16)
            mkdir -p "tests/fuzz/regressions/$target"
            cp "$small" "$kept"
            say "$target: FOUND $(grep -m1 -A1 'panicked at' "$log" | tr '\n' ' ' | cut -c1-400)"
            say "again: cargo run -p fuzz --bin corpus -- try $target $kept"
        else
            say "$target: the engine ended with $status; see $log"
        fi
    fi
    # What reaches everything that was reached, and no more.
    rm -rf "$corpus.merged"
    mkdir -p "$corpus.merged"
    if FUZZ_TARGET=$target "$campaign" -merge=1 -max_len="$longest" -timeout=5 "$corpus.merged" "$corpus" >"$log.merge" 2>&1; then
        rm -rf "$corpus"
        mv "$corpus.merged" "$corpus"
        "$tool" pack "$target" "$corpus" >/dev/null
    fi
    size=$(find "$corpus" -type f | wc -l)
    printf '%-12s %12s %8s %10s %9s %8s %8s\n' "$target" "${inputs:-?}" "$spent" "$((${inputs:-0} / (spent ? spent : 1)))" "${reached:-?}" "$size" "$status"
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%F)" "$target" "${inputs:-?}" "$spent" "${reached:-?}" "$size" "$((status != 0))" \
        >>"$record"
    return "$((status != 0))"
}

mkdir -p "$(dirname "$record")"
[[ -e $record ]] || printf 'date\ttarget\tinputs\tseconds\tcoverage\tcorpus\tfindings\n' >"$record"
if (($#)); then targets=("$@"); else mapfile -t targets < <("$tool" targets | cut -f1); fi
printf '%-12s %12s %8s %10s %9s %8s %8s\n' target inputs seconds inputs/s coverage corpus findings
found=0 running=0
for target in "${targets[@]}"; do
    if ((running == jobs)); then
        wait -n || found=1
        running=$((running - 1))
    fi
    attack "$target" &
    running=$((running + 1))
done
while ((running)); do
    wait -n || found=1
    running=$((running - 1))
done
exit "$found"
