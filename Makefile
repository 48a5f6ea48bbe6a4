# Two commands do all: `make run` and `make test`. Whatever they need, they install themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS := never
# Commands that never serve anybody, such as the type checker, need settings, not secrets.
TOOLS := DEBUG=1

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$name; break; }; done)
BIN := .venv/bin
UNIT_AND_INTEGRATION := tests/unit tests/integration

.PHONY: help install run test check format bench bench-quick bench-jobs bench-throughput bench-limits soak clean
.PHONY: test-unit test-js test-integration test-e2e test-browser test-newest

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: .venv/.installed ## make .venv, nothing else

run: install ## everything on this machine, with a first job to watch: http://localhost:3000
	@exec $(BIN)/python manage.py up

check: install ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(TOOLS) $(BIN)/mypy
	$(TOOLS) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(BIN)/lint-imports

format: install ## format the code, and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: test-unit test-js test-integration test-e2e test-browser test-newest ## all tests

test-unit: install ## the unit ring: seconds
	$(BIN)/python -m pytest tests/unit -q

test-js: install tests/js/node_modules/.installed ## the modules of the browser, in node
	.ci/node.sh node --test tests/js/*.test.js

test-integration: install ## real SQLite, PostgreSQL and Valkey
	TEST_DATABASE=sqlite $(BIN)/python -m pytest tests/integration tests/security -q -n 3
	TEST_DATABASE=postgres $(BIN)/python -m pytest tests/integration tests/security -q -n 3

test-e2e: install ## real processes
	$(BIN)/python -m pytest tests/e2e -q -n 3 --dist loadfile --no-loadscope-reorder

test-browser: install tests/js/node_modules/.installed examples/react/node_modules/.installed ## a real Chromium
	$(BIN)/python -m pytest tests/browser -q -n 2 --dist loadfile

test-newest: install ## the unit and integration rings once more, on Python 3.13 with the newest Django, where that Python is
	@if newest=$$(.ci/python.sh 3.13); then \
		echo "Python 3.13 is here: $$newest"; \
		UV_PROJECT_ENVIRONMENT=.cache/venv-3.13 $$(.ci/uv.sh) sync --frozen --quiet --python "$$newest"; \
		.cache/venv-3.13/bin/python -m pytest $(UNIT_AND_INTEGRATION) -q -n 3; \
	else echo "Python 3.13 is not here: the rings ran on $$($(BIN)/python -V) alone."; fi

bench-quick: install ## the hot path beside Socket.IO, in a minute
	$(BIN)/python -m tests.bench.stream

bench: .cache/venv-bench/.installed ## the hot path beside everybody, ten minutes on a quiet machine; writes docs/performance.md
	.cache/venv-bench/bin/python -m tests.bench.wire

bench-jobs: install ## from a worker's write to a client's frame, from its death to the next attempt, long lists: on both databases
	TEST_DATABASE=sqlite $(BIN)/python -m tests.bench.latency
	TEST_DATABASE=postgres $(BIN)/python -m tests.bench.latency
	TEST_DATABASE=sqlite $(BIN)/python -m tests.bench.recovery
	TEST_DATABASE=postgres $(BIN)/python -m tests.bench.recovery
	TEST_DATABASE=sqlite $(BIN)/python -m tests.bench.lists

bench-throughput: .cache/venv-bench/.installed ## empty jobs a second, beside Celery and procrastinate, on both databases
	TEST_DATABASE=sqlite .cache/venv-bench/bin/python -m tests.bench.throughput
	TEST_DATABASE=postgres .cache/venv-bench/bin/python -m tests.bench.throughput

bench-limits: install ## 16,000 jobs of which few may run at once, with processes that die, and one job behind 10,000, on both databases
	TEST_DATABASE=sqlite $(BIN)/python -m tests.bench.limits
	TEST_DATABASE=postgres $(BIN)/python -m tests.bench.limits

soak: install ## ten minutes of faults, and random schedules of everything, each time others
	SOAK_SECONDS=600 $(BIN)/python -m pytest tests/chaos -q -s
	for database in sqlite postgres; do \
		TEST_DATABASE=$$database MACHINE_EXAMPLES=200 $(BIN)/python -m pytest tests/integration/test_machine.py -q -k whatever; done

clean: ## remove what was installed and built, jobs included
	rm -rf .venv .cache .state tests/js/node_modules examples/react/node_modules

%/node_modules/.installed: %/package.json %/package-lock.json
	.ci/node.sh npm ci --prefix $* --no-audit --no-fund --loglevel=error
	@touch $@

.cache/venv-bench/.installed: install pyproject.toml uv.lock
	UV_PROJECT_ENVIRONMENT=.cache/venv-bench $$(.ci/uv.sh) sync --frozen --quiet --group bench --python $(PYTHON)
	@touch $@

.venv/.installed: pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed. Install it (Debian: apt-get install python3), or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@uv=$$(PYTHON="$(PYTHON)" .ci/uv.sh) && "$$uv" sync --frozen --quiet --python "$(PYTHON)"
	@touch $@
