# Everything below needs only make and a Python of at least 3.11 with venv; it sets up the rest in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# More for pytest, such as: make test ARGS="tests/unit -k settings"
ARGS ?=
# How many tests run at once, each in databases of its own: more than two cores, as most of them wait.
WORKERS ?= 3
# How long `make fuzz` tries each of its targets.
SECONDS ?= 240
# How long `make soak` sends.
MINUTES ?= 9

PARALLEL := -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: demo microblog flasky fastapi test cuts commits lab rehearsal soak models bouncer interop systemd oldest pythons django check bench compare pictures fuzz mutants constraints clean help

demo: $(VENV)/.installed-demo ## Send 1,000 mails from transactions to a local catcher, and prove that each arrived once
	$(BIN)/outbox demo

microblog flasky fastapi: $(VENV)/.installed-examples ## Start an example, with its daemon and a catcher of its mail
	$(BIN)/python -m examples.start $@

test: $(VENV)/.installed-dev ## Run all tests (they say which servers they miss)
	$(BIN)/python -m pytest $(PARALLEL) --durations=5 $(ARGS)

cuts: $(VENV)/.installed-dev ## Cut, stall, double and corrupt a connection at every byte, and count what is lost (minutes)
	$(BIN)/python -m tests.cuts.run

commits: $(VENV)/.installed-dev ## Cut a transaction at every byte, on PostgreSQL and MariaDB (half an hour)
	OUTBOX_TEST_BYTES=0 $(BIN)/python -m pytest tests/faults/test_uncertain_commits.py --timeout 3600 $(ARGS)

bouncer: $(VENV)/.installed-dev ## Run all tests that use PostgreSQL by way of PgBouncer in transaction mode
	$(BIN)/python -m tests.bouncer.run $(PARALLEL) --durations=5 $(or $(ARGS),tests/contract tests/faults tests/migrations tests/wire)

lab: $(VENV)/.installed-dev ## Kill, pause and cut daemons and databases at random, and reconcile what arrived (three quarters of an hour)
	$(BIN)/python -m tests.lab.run $(ARGS)
	$(if $(ARGS),,$(MAKE) models)

rehearsal: $(VENV)/.installed-dev ## Share a rate among daemons, and let a relay be away for ten minutes with 100,000 mails queued
	$(BIN)/python -m tests.rehearsal.run $(ARGS)

soak: $(VENV)/.installed-dev ## Break something each half minute for MINUTES (9) of steady mail, and see that nothing grows and no mail is lost
	$(BIN)/python -m tests.soak.run --minutes $(MINUTES) $(ARGS)

models: $(VENV)/.installed-dev ## Compare the queue with its models for long, and explore the protocol further (half an hour)
	OUTBOX_TEST_LONG=1 $(BIN)/python -m pytest tests/models $(ARGS)

systemd: $(VENV)/.installed-dev ## Start, reload, wedge and stop the daemon under a real systemd (as root, a minute)
	$(BIN)/python -m pytest -m interop tests/systemd --durations=5 $(ARGS)

interop: $(VENV)/.installed-dev ## Send through Exim, Dovecot, postscreen and slow servers (as root on Debian)
	$(BIN)/python -m pytest $(PARALLEL) -m interop tests/interop $(ARGS)

# The oldest SQLAlchemy that pyproject.toml allows, in an environment of its own; the pinned one is the newest.
OLDEST := build/oldest
oldest: ## Run what touches SQL with the oldest SQLAlchemy that is allowed
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev]' --constraint constraints.txt
	$(OLDEST)/bin/python -m pip --disable-pip-version-check install --quiet 'sqlalchemy==2.0.43'
	$(OLDEST)/bin/python -m pytest $(PARALLEL) $(or $(ARGS),tests/contract tests/integrations tests/migrations tests/unit)

# Environments of their own; drivers and servers are not needed for composing and rendering. Each Python is asked for
# its version: what pyenv puts on the path may be none.
PYTHONS ?= python3.11 python3.12 python3.13 python3.14 $(wildcard $(HOME)/.pyenv/versions/3.1[1-9].*/bin/python)
pythons: ## Run the tests that need no server under each Python of PYTHONS that is there
	@set -e; seen=; for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null) || continue; \
	  case " $$seen " in *" $$version "*) continue; esac; seen="$$seen $$version"; \
	  home=build/python$$version; test -x $$home/bin/python || $$python -m venv $$home; \
	  $$home/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev]' --constraint constraints.txt; \
	  $$home/bin/python --version; $$home/bin/python -m pytest $(PARALLEL) $(or $(ARGS),tests/unit); \
	done; echo "Tried:$$seen"

# Django 6.1 needs a newer Python than all else here, and its own pin.
DJANGO := build/django
NEWER := python3.14 python3.13 python3.12 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9].*/bin/python)
django: $(DJANGO)/bin/python ## Run the tests of Django with Django 6.1, under a Python of at least 3.12 (`make test` has 5.2)
	grep -vi '^django==' constraints.txt > $(DJANGO)/constraints
	$(DJANGO)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev]' 'django~=6.1.0' --constraint $(DJANGO)/constraints
	$(DJANGO)/bin/python -m pytest $(PARALLEL) $(or $(ARGS),tests/integrations/django)

$(DJANGO)/bin/python:
	@for python in $(PYTHON) $(NEWER); do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2> /dev/null || continue; \
	  $$python -m venv $(DJANGO) && exit; \
	done; echo "Django 6.1 needs Python 3.12 or newer, and none is there; name one: make django PYTHON=python3.12" >&2; exit 1

check: $(VENV)/.installed-dev ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench ## Measure what we send beside other ways of sending
	$(BIN)/python -m bench $(ARGS)

compare: $(VENV)/.installed-bench ## Send the mail of a page in five ways, with a slow server, none, and a killed page (15 minutes)
	$(BIN)/python -m bench --only follow

pictures: $(VENV)/.installed-dev ## Take the pictures of the finished mails anew (with Chromium)
	$(BIN)/python -m tests.looks.pictures

fuzz: $(VENV)/.installed-fuzz ## Look for bytes that break parser, encoder or conversation, SECONDS each
	$(BIN)/python -m tests.fuzz.run reply -max_total_time=$(SECONDS) -print_final_stats=1
	$(BIN)/python -m tests.fuzz.run command -max_total_time=$(SECONDS) -print_final_stats=1
	$(BIN)/python -m tests.fuzz.run conversation -max_total_time=$(SECONDS) -print_final_stats=1

mutants: $(VENV)/.installed-mutation ## Break the store, the policy and the judge in a thousand ways, and see tests fail (hours)
	$(BIN)/python -m tests.mutation.guards
	$(BIN)/python -m tests.mutation.mutants

# A file a set of extras: a second run installs nothing, a changed list of dependencies does.
$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]' --constraint constraints.txt
	@touch $@ $(VENV)/.installed-demo

$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[catch,cli,html]' --constraint constraints.txt
	@touch $@

$(VENV)/.installed-examples: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[examples]' --constraint constraints.txt
	touch $@

$(VENV)/.installed-fuzz: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[fuzz]' --constraint constraints.txt
	@touch $@

$(VENV)/.installed-bench: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev,bench]' --constraint constraints.txt
	@touch $@

$(VENV)/.installed-mutation: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev,mutation]' --constraint constraints.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@# Debian's Python without python3-venv leaves half an environment behind.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt-get install python3-venv" >&2; exit 1; }

constraints: ## Resolve all dependencies anew and pin them in constraints.txt
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev,bench,fuzz,mutation]'
	grep '^#' constraints.txt > build/constraints/new
	build/constraints/bin/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ @]+$$' >> build/constraints/new
	mv build/constraints/new constraints.txt
	rm -rf build/constraints

clean: ## Remove what make made, also .venv
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z ]+:.*## / { printf "%-25s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
