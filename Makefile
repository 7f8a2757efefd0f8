# Everything below works on a machine with Python 3.11 and make alone: the first run builds .venv with the locked
# dependencies, later runs find it ready. `make PYTHON=python3.12 ...` picks another interpreter.

PYTHON ?= python3
# More arguments for pytest: make test ARGS='-k persistence -x'
ARGS ?=
# Worker processes that share the suite.
JOBS ?= 2
# Mutants that `make mutation` tries (or all), and the seed by which they are chosen.
SAMPLE ?= 500
SEED ?= 1
UV_VERSION = 0.13.9

BIN = .venv/bin
UV = $(BIN)/uv
# Certificates of the system (or SSL_CERT_FILE), where a company's proxy stands between; .venv and no other place,
# whatever environment is active.
export UV_SYSTEM_CERTS ?= true
export UV_PROJECT_ENVIRONMENT = .venv
export UV_PYTHON = $(BIN)/python
export UV_PYTHON_DOWNLOADS = never
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.DEFAULT_GOAL = help
.PHONY: help setup demo demo-once test test-slow bench mutation screenshots check lint types layers lock-check format lock translations safety clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready ## build .venv with the locked dependencies

.venv/uv-$(UV_VERSION):
	@echo "==> Making a virtual environment in .venv and installing uv $(UV_VERSION) into it"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Liverwatch needs Python 3.11 or newer; name one with make PYTHON=...")'
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/ready: .venv/uv-$(UV_VERSION) uv.lock pyproject.toml
	@echo "==> Installing the dependencies that uv.lock names"
	@$(UV) sync --locked --all-extras --quiet --compile-bytecode
	@touch $@

demo: .venv/ready ## the whole road on this machine: a simulated EHR, its feed, the alerts written back
	@echo "==> Starting the demo (Ctrl-C ends it)"
	@$(BIN)/liverwatch demo

demo-once: .venv/ready ## the same, to its end; fails unless the EHR holds what it should
	@echo "==> Running the demo to its end"
	@$(BIN)/liverwatch demo --once

test: .venv/ready ## the suite, on SQLite and PostgreSQL
	@echo "==> Running the tests on SQLite and PostgreSQL"
	@$(BIN)/pytest -n $(JOBS) -m "not slow and not bench" $(ARGS)

test-slow: .venv/ready ## the tests that take longer than a few seconds each
	@echo "==> Running the slow tests"
	@$(BIN)/pytest -m "slow and not bench" $(ARGS) || [ $$? -eq 5 ] # 5: there are none

bench: .venv/ready ## speed against its floor, on this machine
	@echo "==> Measuring"
	@$(BIN)/pytest -m bench -s $(ARGS)

mutation: .venv/ready ## whether the tests notice small changes of the medicine; takes long (SAMPLE=all: very long)
	@echo "==> Trying mutants"
	@nice -n 10 $(UV) run --locked --isolated --quiet --group mutation \
		python -m tests.mutation --size $(SAMPLE) --seed $(SEED) $(ARGS)

screenshots: .venv/ready ## take the README's pictures of the pages anew; needs Chromium
	@echo "==> Taking pictures of the demo's clinic"
	@$(BIN)/python -m tests.browser.screenshots deploy/images

check: .venv/ready ## lint, format, types, layers, lock: all of them, then fails if any did
	@$(MAKE) --keep-going --no-print-directory lint types layers lock-check

lint: .venv/ready
	@echo "==> Style"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: .venv/ready
	@echo "==> Types"
	@$(BIN)/mypy

layers: .venv/ready
	@echo "==> Layers"
	@$(BIN)/lint-imports --no-logo

lock-check: .venv/ready
	@echo "==> uv.lock matches pyproject.toml"
	@$(UV) lock --check

format: .venv/ready ## put the code into its format, and fix what ruff can fix
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: .venv/uv-$(UV_VERSION) ## write uv.lock anew after a change of dependencies
	@$(UV) lock

translations: .venv/ready ## bring the translation catalogues up to date with the English texts
	@mkdir -p build
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --no-location --add-comments "" \
		--project Liverwatch --output build/liverwatch.pot .
	@$(BIN)/pybabel --quiet update --input-file build/liverwatch.pot --output-dir service/languages \
		--domain liverwatch --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 110

safety: .venv/ready ## write the page of the hazard log anew after a change of it
	@$(BIN)/python -m deploy.safety.hazards > deploy/safety/hazards.md

clean: ## remove everything that was made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
