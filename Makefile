# Needs Python >= 3.11, make and a C library; everything else goes into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UV     ?= uv
PORT   ?= 8000
ARGS   ?=

# one test process more than cores, for they wait half of the time; four at most, for those that run fast time miss
# each other with more; 0 runs in one
TEST_WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all check format bench features lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1: \2/p' $(MAKEFILE_LIST)

install: $(STAMP) ## .venv with the locked dependencies (done once, and again when the lock changes)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Ponte needs Python 3.11 or newer; say which with make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing the locked dependencies (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## the service with pretend vendors, data and traffic; PORT chooses the port
	@PORT=$(PORT) $(BIN)/ponte demo

test: $(STAMP) ## the tests
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --maxprocesses 4 --dist worksteal -m "not slow and not benchmark" $(ARGS)

test-all: $(STAMP) ## the tests and the long proofs (kills, storms)
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --maxprocesses 4 --dist worksteal -m "not benchmark" $(ARGS)

check: $(STAMP) ## format, lint, types, import contracts
	@$(BIN)/ruff format --check app tests migrations
	@$(BIN)/ruff check app tests migrations
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## mends format and what the linter can mend
	@$(BIN)/ruff format app tests migrations
	@$(BIN)/ruff check --fix app tests migrations

bench: $(STAMP) ## benchmarks: a table, and bench/results.json; ARGS=--quick for a short run
	@$(BIN)/python -m tests.benchmarks $(ARGS)

features: $(STAMP) ## every feature number with the tests that cover it
	@$(BIN)/python -m tests.house.features

lock: ## regenerates requirements.lock from pyproject.toml (needs uv)
	@$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal \
		--python-version 3.11 --extra dev --upgrade -o requirements.lock pyproject.toml
	@! grep -nE 'https?://|--(extra-)?index-url|--find-links' requirements.lock \
		|| { echo "the lock file must not name an address" >&2; exit 1; }

clean: ## removes .venv and caches; data/ stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
