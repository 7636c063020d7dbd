# Everything below needs only make and a Python of at least 3.11 with venv; it sets up the rest in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# More for pytest, such as: make test ARGS="tests/unit -k settings"
ARGS ?=
# How long `make fuzz` tries each of its targets.
SECONDS ?= 240

.DEFAULT_GOAL := help
.PHONY: demo test cuts interop oldest check bench fuzz constraints clean help

demo: $(VENV)/.installed-demo ## Send 1,000 mails from transactions to a local catcher, and prove that each arrived once
	$(BIN)/outbox demo

test: $(VENV)/.installed-dev ## Run all tests (they say which servers they miss)
	$(BIN)/python -m pytest --durations=5 $(ARGS)

cuts: $(VENV)/.installed-dev ## Cut, stall, double and corrupt a connection at every byte, and count what is lost (minutes)
	$(BIN)/python -m tests.cuts.run

interop: $(VENV)/.installed-dev ## Send through Exim, Dovecot, postscreen and slow servers (as root on Debian)
	$(BIN)/python -m pytest -m interop tests/interop $(ARGS)

# The oldest SQLAlchemy that pyproject.toml allows, in an environment of its own; the pinned one is the newest.
OLDEST := build/oldest
oldest: ## Run what touches SQL with the oldest SQLAlchemy that is allowed
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev]' --constraint constraints.txt
	$(OLDEST)/bin/python -m pip --disable-pip-version-check install --quiet 'sqlalchemy==2.0.43'
	$(OLDEST)/bin/python -m pytest tests/contract tests/migrations tests/unit $(ARGS)

check: $(VENV)/.installed-dev ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## Measure what we send beside other ways of sending
	$(BIN)/python -m bench

fuzz: $(VENV)/.installed-fuzz ## Look for bytes that break parser, encoder or conversation, SECONDS each
	$(BIN)/python -m tests.fuzz.run reply -max_total_time=$(SECONDS) -print_final_stats=1
	$(BIN)/python -m tests.fuzz.run command -max_total_time=$(SECONDS) -print_final_stats=1
	$(BIN)/python -m tests.fuzz.run conversation -max_total_time=$(SECONDS) -print_final_stats=1

# A file a set of extras: a second run installs nothing, a changed list of dependencies does.
$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]' --constraint constraints.txt
	@touch $@ $(VENV)/.installed-demo

$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[catch,cli]' --constraint constraints.txt
	@touch $@

$(VENV)/.installed-fuzz: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[fuzz]' --constraint constraints.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@# Debian's Python without python3-venv leaves half an environment behind.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt-get install python3-venv" >&2; exit 1; }

constraints: ## Resolve all dependencies anew and pin them in constraints.txt
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev,fuzz]'
	grep '^#' constraints.txt > build/constraints/new
	build/constraints/bin/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ @]+$$' >> build/constraints/new
	mv build/constraints/new constraints.txt
	rm -rf build/constraints

clean: ## Remove what make made, also .venv
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
