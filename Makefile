# Everything a person or the CI does with this project. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# A suite starts hundreds of processes and rewrites every assertion: each file is compiled once, not once for each.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
PYTHON_READY := $(VENV)/.python-is-ready
RUN_READY := $(VENV)/.run-is-ready
DEV_READY := $(VENV)/.dev-is-ready
FUZZ_READY := $(VENV)/.fuzz-is-ready
BENCH_READY := $(VENV)/.bench-is-ready

AXE_VERSION := 4.14.1
AXE := .cache/axe/node_modules/axe-core/axe.min.js

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
UV_COMPILE := UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet --universal --upgrade \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-config

# `make run LISTEN=127.0.0.1:5000 DATA=/somewhere` says where to listen and where to keep the data.
LISTEN ?=
DATA ?=
# `make histories SECONDS=600 DATABASE=postgresql SEED=7 WORKERS=1` says for how long, on what, which and how.
SECONDS ?= 60
DATABASE ?=
SEED ?=
WORKERS ?= 2
WHERE := $(if $(LISTEN),--listen $(LISTEN)) $(if $(DATA),--data $(DATA))

# Make takes a variable that nothing reads without a word, so a mistyped one would choose nothing.
KNOWN := LISTEN DATA PYTEST_ARGS SECONDS MINUTES KIND DATABASE SEED WORKERS TARGET WATCHED RECORDED VENV
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
UNKNOWN := $(sort $(filter-out $(KNOWN),$(GIVEN)))
$(if $(UNKNOWN),$(error nothing here reads $(UNKNOWN): the variables are $(KNOWN); what a program is to read from its environment goes before make))

# What `make test` says at its start: a test keeps the number right within a fifth; the seconds are measured now and then.
TESTS := 9100
TEST_SECONDS := 240
# Three on two cores: while one waits for its disk or its server, the others go on.
AT_ONCE := --numprocesses 3
# For tests that wait for programs: file by file, for what the tests of a file share, and in order, in which no long file is last.
BY_FILE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# What `make test-quick` runs.
QUICK := tests/model tests/aws tests/access tests/identities tests/policies tests/project

# `make fuzz TARGET=manifests SECONDS=600` chooses what to fuzz, and for how long.
TARGET ?= registry-door

# `make soak MINUTES=60 KIND=object-store` says for how long, over both databases together, or on what alone.
MINUTES ?= 2

# `make test WATCHED=yes` has the gates write down what they are asked; `make check-gate RECORDED=yes` reads that.
WATCHED ?=
RECORDED ?=
GATE := build/gate
WATCH = rm -rf $(GATE) && mkdir -p $(GATE) && TWINPORT_WITNESS=$(CURDIR)/$(GATE)
RECORD = $(WATCH) $(BIN)/python -m pytest -q -n 2 -m 'not large' $$($(BIN)/python -m tools.list_gate --suites)

MEASURE := PYTHONPATH=src:. $(BIN)/python -m benchmarks.bench

.PHONY: pages gate check-gate words loop bench-access bench-quick help setup run test test-large test-quick nightly demo check fix shapes fuzz journeys object-store histories soak packaging wheel conformance bench browser screenshots lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV_READY) ## Make .venv and install everything that running, testing and checking need.

run: $(RUN_READY) ## Start twinport on 127.0.0.1:4566 and take the tour (LISTEN=HOST:PORT and DATA=DIR choose).
	@exec $(BIN)/twinport run $(WHERE)

demo: $(RUN_READY) ## Take the tour on a throw-away server; succeed only if every copy was verified.
	@exec $(BIN)/twinport demo

test: $(DEV_READY) ## Run the suite that every change must pass (PYTEST_ARGS=... for pytest).
	@$(if $(PYTEST_ARGS),,echo '$(TESTS) tests: about $(TEST_SECONDS) seconds on two quiet cores, many times that on busy ones')
	$(if $(WATCHED),$(WATCH)) $(BIN)/python -m pytest $(AT_ONCE) -m 'not large' $(PYTEST_ARGS)

test-large: $(DEV_READY) ## Run what `make test` leaves out because it takes long: kills, full tables, upgrades, fuzzing.
	$(BIN)/python -m pytest $(AT_ONCE) -m large $(PYTEST_ARGS)

test-quick: $(DEV_READY) ## Run the tests that need no server and no PostgreSQL, in under forty seconds on two quiet cores.
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 -m 'not slow and not large and not server' -k 'not postgresql' $(QUICK) $(PYTEST_ARGS)

journeys: $(DEV_READY) ## Run the journeys: real servers, driven by docker, skopeo, the AWS CLI and boto3.
	$(BIN)/python -m pytest $(BY_FILE) --override-ini timeout=900 tests/journeys $(PYTEST_ARGS)

object-store: $(DEV_READY) ## Try blobs in a real S3-compatible store, Ceph's gateway: its promises, its faults, two nodes that share it.
	$(BIN)/python -m pytest --override-ini timeout=300 tests/object_store $(PYTEST_ARGS)

histories: $(DEV_READY) ## Kill what runs while clients push, move, delete and pull; check what they saw (SECONDS=600).
	PYTHONPATH=. $(BIN)/python -m tests.histories --seconds $(SECONDS) --workers $(WORKERS) \
		$(if $(DATABASE),--database $(DATABASE)) $(if $(SEED),--seed $(SEED))

soak: $(DEV_READY) ## Push, delete, replicate and collect garbage at once for MINUTES, on both databases or on KIND; nothing may be lost or left.
	PYTHONPATH=src:. $(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(KIND),--kind $(KIND))

nightly: $(DEV_READY) ## Run what takes too long for every change: longer histories, soak, kills, fuzzing, benchmarks.
	@.ci/nightly

packaging: $(DEV_READY) ## Try the wheel, the container, the compose files and the units of systemd (needs root, docker and debootstrap).
	$(BIN)/python -m pytest --override-ini timeout=900 tests/packaging $(PYTEST_ARGS)

wheel: $(RUN_READY) ## Build the wheel into dist/.
	@rm -rf dist
	@$(BIN)/python -m hatchling build --target wheel --directory dist

conformance: $(DEV_READY) ## Run the conformance suite of OCI Distribution against a real server (needs Go).
	$(BIN)/python -m pytest --override-ini timeout=600 -s tests/conformance $(PYTEST_ARGS)

fuzz: $(FUZZ_READY) ## Look for inputs that break a parser or a door (TARGET=... SECONDS=...; tests/fuzz/targets.py lists them).
	PYTHONPATH=src:. $(BIN)/python tests/fuzz/run.py $(TARGET) $(SECONDS)

bench: $(BENCH_READY) ## Measure everything beside its peers, and print ratios: docs/performance.md (half an hour).
	$(MEASURE)
	$(BIN)/python benchmarks/decisions.py
	PYTHONPATH=. $(BIN)/python benchmarks/pushes.py
	PYTHONPATH=. $(BIN)/python benchmarks/console.py
	PYTHONPATH=. $(BIN)/python benchmarks/registry_pages.py
	$(BIN)/python benchmarks/metrics.py

bench-quick: $(DEV_READY) ## Measure each work of the benchmark for a moment, beside the peers that are here; judge no time.
	$(MEASURE) --quick

bench-access: $(BENCH_READY) ## Measure signed requests a second beside moto's server, and print ratios.
	$(BIN)/python benchmarks/signed_requests.py

browser: $(DEV_READY) $(AXE) ## Click through the console with Debian's Chromium, with scripts and without; axe-core looks too.
	$(BIN)/python -m pytest $(BY_FILE) --override-ini timeout=900 tests/browser $(PYTEST_ARGS)

screenshots: $(DEV_READY) ## Picture every page of the console, wide and narrow, into build/screenshots.
	PYTHONPATH=src $(BIN)/python -m tests.browser.screenshots build/screenshots

check: $(DEV_READY) ## Check style, format, types, import contracts, names, the compiled shapes and the generated pages.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_names.py
	$(BIN)/python tools/compile_shapes.py --check
	$(BIN)/python tools/list_operations.py --check
	$(BIN)/python tools/list_events.py --check
	$(BIN)/python tools/list_metrics.py --check
	$(BIN)/python -m tools.list_ecr --check

words: $(DEV_READY) ## List lines of prose that need plainer words, and count the words.
	@$(BIN)/python -m tools.list_words

fix: $(DEV_READY) ## Repair what a machine can repair.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pages: $(DEV_READY) ## Write the pages of docs/reference that are generated from the source: operations, ECR, events, metrics.
	$(BIN)/python tools/list_operations.py
	$(BIN)/python tools/list_events.py
	$(BIN)/python tools/list_metrics.py
	$(BIN)/python -m tools.list_ecr

gate: $(DEV_READY) ## Write docs/reference/gate.md from what the gate is asked while the suites of the doors run.
	$(RECORD)
	$(BIN)/python -m tools.list_gate $(GATE)

check-gate: $(DEV_READY) ## Fail when docs/reference/gate.md is not what the gate is asked.
	$(if $(RECORDED),,$(RECORD))
	$(BIN)/python -m tools.list_gate $(GATE) --check

loop: $(DEV_READY) ## Send every route its largest request; fail when one turn of the event loop takes more than 50 ms of CPU.
	$(BIN)/python -m pytest --override-ini timeout=300 tests/loop $(PYTEST_ARGS)

shapes: $(DEV_READY) ## Compile the AWS service models into the checked-in shapes.
	$(BIN)/python tools/compile_shapes.py

lock: $(DEV_READY) ## Choose the newest versions that pyproject.toml allows, and lock them with their hashes.
	$(UV_COMPILE) pyproject.toml --group build --output-file requirements/run.txt
	$(UV_COMPILE) pyproject.toml --extra dev --constraints requirements/run.txt --output-file requirements/dev.txt
	$(UV_COMPILE) --group fuzz --output-file requirements/fuzz.txt
	$(UV_COMPILE) --group bench --constraints requirements/dev.txt --output-file requirements/bench.txt

clean: ## Remove what make made (.venv and caches; data folders stay).
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(AXE):
	@echo 'installing axe-core, which looks for what keeps people out'
	@mkdir -p .cache/axe
	@npm install --silent --no-audit --no-fund --no-save --prefix .cache/axe axe-core@$(AXE_VERSION) \
		|| echo 'npm cannot install axe-core: what it would look at is skipped'

$(PYTHON_READY): tools/make_venv.sh
	@tools/make_venv.sh $(VENV)
	@touch $@

$(RUN_READY): $(PYTHON_READY) requirements/run.txt pyproject.toml
	@echo 'installing what twinport needs to run'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/run.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): $(RUN_READY) requirements/dev.txt
	@echo 'installing what tests and checks need'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/dev.txt
	@touch $@

$(FUZZ_READY): $(DEV_READY) requirements/fuzz.txt
	@echo 'installing what fuzzing needs'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/fuzz.txt
	@touch $@

$(BENCH_READY): $(DEV_READY) requirements/bench.txt
	@echo 'installing what is measured beside'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/bench.txt
	@touch $@
