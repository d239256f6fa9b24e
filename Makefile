# The commands of the project; `make` alone lists them. Everything that they install or build stays under target/,
# Debian packages apart.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Queries are checked against the data of `make sqlx-prepare`: a build needs no database.
export SQLX_OFFLINE := true
# `make test` brings what the tests need: none may skip itself for want of the schemas or the services.
test test-slow: export FAWTARA_TESTS_COMPLETE := 1
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

need := scripts/need.sh
services := scripts/services.sh run
fawtara := cargo run --quiet -p fawtara --

.PHONY: help
help: ## list the commands
	@echo "Fawtara: electronic invoices to the Jordanian authority. The commands:"
	@sed -nE -e 's/^##@ (.*)/\n\1/p' -e 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | \
		while IFS=$$'\t' read -r name text; do \
			if [[ -z $$text ]]; then echo "$$name"; else printf '  make %-14s %s\n' "$$name" "$$text"; fi; done

##@ Seeing it

.PHONY: demo
demo: ## watch a sample of 327 invoice events get cleared; needs only Rust
	@$(need) cargo cc
	@echo "demo: builds Fawtara (the first time 4 to 5 minutes on two cores), then clears a sample of invoices in seconds."
	@echo "demo: nothing leaves this machine; a simulator inside the process stands in for the authority."
	@cargo build -p fawtara
	@$(fawtara) demo

.PHONY: demo-services
demo-services: ## the same on real RabbitMQ and PostgreSQL, private ones where none run
	@$(need) cargo cc
	@echo "demo-services: builds Fawtara, finds or starts RabbitMQ and PostgreSQL, then clears a sample of invoices."
	@cargo build -p fawtara
	@$(services) scripts/demo-services.sh $(fawtara) demo --services

##@ Testing

.PHONY: test
test: ## all tests; finds, else installs and starts, RabbitMQ and PostgreSQL; at most 15 minutes
	@echo "test: builds everything, then runs all tests but the slow ones (make test-slow)."
	@$(need) cargo cc nextest python3
	@# Tests start the binary itself; a build of the whole workspace's tests makes it too.
	@FAWTARA_UBL_SCHEMAS=$$(scripts/ubl-schemas.sh) && export FAWTARA_UBL_SCHEMAS && \
		cargo nextest run --workspace --profile "$${NEXTEST_PROFILE:-default}" --no-run && \
		$(services) cargo nextest run --workspace --profile "$${NEXTEST_PROFILE:-default}" || \
		{ echo "test: FAILED; the reason is above" >&2; exit 1; }
	@echo "test: all tests passed."

.PHONY: test-slow
test-slow: ## tests that wait for the broker's own timers; at most 25 minutes
	@$(need) cargo cc nextest
	@# Private services: one of these tests sets a value of the whole node, and would pass over a shared one.
	@FAWTARA_UBL_SCHEMAS=$$(scripts/ubl-schemas.sh) && export FAWTARA_UBL_SCHEMAS && \
		cargo nextest run --workspace --profile slow --no-run && \
		FAWTARA_TEST_PRIVATE=1 $(services) cargo nextest run --workspace --profile slow --no-tests pass || \
		{ echo "test-slow: FAILED; the reason is above" >&2; exit 1; }
	@echo "test-slow: all slow tests passed."

.PHONY: million
million: ## hold a million random documents against schema, formulas and reader; COUNT and SEED choose others
	@$(need) cargo cc
	@echo "million: builds with optimisation, then takes about a quarter of an hour on two cores; broken off, it goes on with the SEED shown."
	@FAWTARA_UBL_SCHEMAS=$$(scripts/ubl-schemas.sh) && export FAWTARA_UBL_SCHEMAS && \
		COUNT=$${COUNT:-1000000} SEED=$${SEED:-1} cargo run --quiet --release -p documents --example million || \
		{ echo "million: FAILED; the documents are above" >&2; exit 1; }

# The binary of `make test` does for a minute; PROFILE=bench is as fast as release, and takes some minutes to build.
chaos: DURATION ?= 60s
chaos: SEED ?= 1
chaos: RATE ?= 40
chaos: PROFILE ?= dev
.PHONY: chaos
chaos: ## attack the fleet on a cluster of real services; DURATION=10m, SEED, RATE and PROFILE choose
	@$(need) cargo cc
	@echo "chaos: builds, starts three RabbitMQ nodes and a Postgres of its own, then injects faults for $(DURATION) and judges."
	@cargo build --quiet --profile $(PROFILE) -p fawtara -p chaos
	@scripts/services.sh cluster target/$(if $(filter dev test,$(PROFILE)),debug,release)/chaos \
		--duration $(DURATION) --seed $(SEED) --rate $(RATE) $(if $(SABOTAGE),--sabotage $(SABOTAGE))

.PHONY: simulate
simulate: ## thousands of storms over the whole fleet in one process, each from a seed, and the bugs put in on purpose; SEEDS=17..18 repeats one, BUG=SentTwice looks for one
	@$(need) cargo cc
	@echo "simulate: builds with optimisation (about 5 minutes the first time), then runs for some minutes; SEEDS and THREADS choose others."
	@cargo build --quiet --profile bench -p simulation && target/release/soak simulate || \
		{ echo "simulate: FAILED; the story is above" >&2; exit 1; }

.PHONY: soak
soak: ## ever new storms for FOR=30m (or SEEDS=a..b), counted over all runs in docs/evidence/soak.tsv
	@$(need) cargo cc
	@echo "soak: builds with optimisation (about 5 minutes the first time), then goes on where the last soak ended."
	@cargo build --quiet --profile bench -p simulation && mkdir -p docs/evidence && nice -n 19 target/release/soak soak || \
		{ echo "soak: FAILED; the stories are above" >&2; exit 1; }

.PHONY: fuzz
fuzz: ## attack every reader of foreign bytes, guided by coverage; TARGET, RUNS=10000000, FOR=10m (each) and JOBS choose otherwise
	@$(need) cargo cc c++
	@echo "fuzz: builds with optimisation and counters (10 minutes the first time), then attacks; broken off, it goes on where it was."
	@scripts/fuzz.sh $(TARGET) || { echo "fuzz: FAILED; the findings are above, and in tests/fuzz/regressions" >&2; exit 1; }
	@echo "fuzz: every law held; results are in docs/evidence/fuzz.tsv."

.PHONY: bench
bench: ## measure the whole fleet, its parts and their ceiling on the real services
	@$(need) cargo cc
	@echo "bench: builds with optimisation (about 5 minutes the first time), then measures; leave the machine alone meanwhile."
	@cargo bench --workspace --bench '*' --no-run
	@$(services) cargo bench --workspace --bench '*'

.PHONY: outage
outage: ## the authority is down for the whole of a run of 5,000 invoices, then returns; prints what docs/outage.md shows
	@$(need) cargo cc
	@echo "outage: builds with optimisation, then takes about 5 minutes."
	@cargo bench -p tests --bench outage --no-run
	@FAWTARA_OUTAGE=1 $(services) cargo bench -p tests --bench outage

.PHONY: backlog
backlog: ## 100,000 invoices wait for the authority, then drain through a fleet of processes; draws rate and memory into docs/
	@$(need) cargo cc
	@echo "backlog: builds with optimisation, then fills and drains it on services of its own, about 5 minutes; FAWTARA_BACKLOG_INVOICES chooses another number."
	@cargo build --quiet --profile bench -p fawtara && cargo bench -p tests --bench backlog --no-run
	@FAWTARA_BACKLOG=$(CURDIR)/docs FAWTARA_TEST_PRIVATE=1 $(services) cargo bench -p tests --bench backlog || \
		{ echo "backlog: FAILED; the reason is above" >&2; exit 1; }

.PHONY: growth
growth: ## fill a ledger with ten million events, measure it at each step, and draw the curves into docs/
	@$(need) cargo cc
	@echo "growth: builds with optimisation, then fills and measures a Postgres of its own: about a quarter of an hour, 20 GB of disk."
	@cargo bench -p tests --bench growth --no-run
	@FAWTARA_GROWTH=$(CURDIR)/docs FAWTARA_TEST_PRIVATE=1 FAWTARA_PRIVATE_PG_OPTIONS="-c shared_buffers=1GB -c max_wal_size=8GB" \
		$(services) nice -n 19 cargo bench -p tests --bench growth || \
		{ echo "growth: FAILED; the reason is above" >&2; exit 1; }

##@ Changing it

.PHONY: lint
lint: ## check the format and run clippy, warnings are errors
	@$(need) cargo cc rustfmt clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: fmt
fmt: ## format the code
	@$(need) cargo rustfmt
	cargo fmt --all

.PHONY: schemas
schemas: ## write schemas/ anew from the types
	@$(need) cargo cc
	$(fawtara) schemas --write schemas

.PHONY: sqlx-prepare
sqlx-prepare: ## write .sqlx/ anew, after a change of queries or migrations
	@$(need) cargo cc sqlx
	$(services) scripts/sqlx-prepare.sh

.PHONY: deny
deny: ## check licences, advisories, bans and sources of all dependencies; FAWTARA_ADVISORY_DB=FILE without a network
	@$(need) cargo cc deny
	@scripts/deny.sh

.PHONY: clean
clean: ## remove everything that was built, downloaded or produced
	@if command -v cargo >/dev/null; then cargo clean; fi
	rm -rf target demo-out
