# Everything that is done with this checkout.  `make help` lists the targets that are supported; what it does not
# list is an inner part of another target, and may change.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
# Images of containers set it.  Then each of the thousand processes of the tests compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
# Where `make run` has its socket and cache, and what else it is told (`prober serve --help`).
RUN ?= run
SERVE_OPTIONS ?=
UPGRADE ?=
# How long `make fuzz` feeds each of its targets, and which of them (empty: all).
SECONDS ?= 60
TARGETS ?=
# How many hosts `make bench-fleet` simulates; its bars are for these.
HOSTS ?= 100000
# Where `make install` puts things: a tree of its own for a package, and where in it.  PREFIX, SYSCONFDIR and
# INSTALL_PYTHON (the interpreter; by default the distribution's) are paths on the host.
DESTDIR ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
INSTALL_PYTHON ?=
INSTALL := -m tools.install --destdir '$(DESTDIR)' --prefix '$(PREFIX)' --sysconfdir '$(SYSCONFDIR)' --python '$(INSTALL_PYTHON)'
# Which of Debian's releases `make deb` and `make deb-test` are about; empty: each that there is a package for.
RELEASE ?=
PYTEST := $(BIN)/python -m pytest
# How many tests at a time: auto is three for two processors (tests/conftest.py).  Each worker has its share of the
# list, and takes over from the others.
WORKERS ?= auto
PARALLEL := --numprocesses $(WORKERS) --dist worksteal
# Those that wait for nothing: one for each processor.
BUSY := --numprocesses $(patsubst auto,logical,$(WORKERS)) --dist worksteal

.PHONY: help setup run install uninstall test check deps needed lint types layers unit cases integration integration-all bench bench-fleet fleet-demo load qemu roots man pictures fixtures lock clean conformance peers peer-roots docs deb deb-test agreement compare mutants vm-test fuzz faults

define CHECK_PYTHON
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  || { echo 'prober needs Python 3.11 or newer: apt-get install python3' >&2; exit 1; }
endef

help: ## list the supported targets (any other is unsupported)
	@echo 'Supported targets; what is not listed here is unsupported and may change:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make the environment alone (.venv), from the lock

run: $(STAMP) ## start the service in the foreground on run/prober.sock
	@mkdir -p $(RUN)
	@exec $(BIN)/prober serve --config /dev/null --socket $(RUN)/prober.sock --cache $(RUN)/cache --prover-socket '' \
	  --fallback-replies fixtures/replies $(SERVE_OPTIONS)

install: $(STAMP) ## lay prober, its units and its configuration down (DESTDIR=, PREFIX=/usr/local, SYSCONFDIR=/etc)
	@$(BIN)/python $(INSTALL) install

uninstall: ## take away what `make install` laid down with the same DESTDIR and PREFIX, and no more
	@$(BIN)/python $(INSTALL) uninstall

# mypy has one processor busy for half a minute, so it runs beside the tests; what it says comes behind theirs.
deb: $(STAMP) ## build the Debian package (RELEASE=bookworm or trixie; as root; mmdebstrap, bubblewrap)
	@$(BIN)/python -u -m tools.deb $(RELEASE)

deb-test: $(STAMP) ## install, upgrade, remove and purge what `make deb` built, in fresh Debians (RELEASE=; as root)
	@$(BIN)/python -u -m tools.deb_trial $(RELEASE)

test: needed lint layers ## all checks and tests; as root it installs first what they need (see `make deps`)
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; status=0; \
	$(BIN)/mypy >"$$said" 2>&1 & types=$$!; \
	echo '$(PYTEST) $(PARALLEL)'; $(PYTEST) $(PARALLEL) || status=$$?; \
	echo '$(BIN)/mypy'; wait "$$types" || status=$$?; cat "$$said"; exit "$$status"

check: lint types layers ## the checks, and the tests that fit into a minute and a half: for each commit
	$(PYTEST) $(BUSY) -m 'not slow' tests/unit tests/cases

deps: ## install what the tests need of the distribution (tests/needs.toml), as root or by sudo
	@$(CHECK_PYTHON)
	@$(PYTHON) -m tools.needs

# What cannot be installed is no reason to run nothing: the tests name in the end what they went without.
needed:
	@$(CHECK_PYTHON)
	@$(PYTHON) -m tools.needs --if-root || echo 'The tests go on without it.'

lint: $(STAMP) ## ruff: style, common mistakes, formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

layers: $(STAMP) ## import-linter: a floor imports only from the floors below it
	$(BIN)/lint-imports --no-logo

unit: $(STAMP) ## unit tests; they need no QEMU
	$(PYTEST) $(PARALLEL) tests/unit

cases: $(STAMP) ## XML to argv or refusal, for each recorded binary
	$(PYTEST) $(PARALLEL) tests/cases tests/conformance --whole

integration: $(STAMP) ## tests on the installed QEMU (see `make qemu`), those with thousands of lines whole
	$(PYTEST) $(PARALLEL) tests/integration --whole

integration-all: $(STAMP) ## the same, and on the other versions (see `make roots`)
	$(PYTEST) $(PARALLEL) tests/integration --whole --with-roots

conformance: $(STAMP) ## libvirt's own domains: what they come to here and there (ARGS='--architecture aarch64')
	$(BIN)/python -m tests.conformance $(ARGS)

peers: $(STAMP) ## libvirt 9.0, 11.3 and 12, each beside its QEMU, asked what our cases come to (make peer-roots; ARGS='[DOMAIN…]')
	$(BIN)/python -m tests.peers $(ARGS)

peer-roots: $(STAMP) ## lay out those libvirts in .roots (mmdebstrap, as root)
	@$(BIN)/python -m tools.roots peers

agreement: $(STAMP) ## three verdicts on thousands of lines: QEMU's own, prove's, check-argv's (ARGS='--with-roots')
	$(BIN)/python -m tests.agreement $(ARGS)

compare: $(STAMP) ## the check against lines that QEMUs have judged, a line a version (ARGS='[--judge] [-v] [TABLE…]')
	$(BIN)/python -m tests.agreement.tables $(ARGS)

mutants: $(STAMP) ## change the rules of the check in one place at a time: a test has to notice it (half an hour)
	$(BIN)/python -m tools.mutants

vm-test: $(STAMP) ## boot a Debian with prober installed: units, upgrade, reload, full disk, fleet, proofs (as root, ten minutes; mmdebstrap)
	$(BIN)/python -u -m tools.vm_test

fuzz: $(STAMP) ## feed the readers and the service what nobody foresaw (SECONDS=60 each; TARGETS='xml http')
	$(BIN)/python -W ignore -u -m tests.fuzz --seconds $(SECONDS) $(TARGETS)

faults: $(STAMP) ## kill, fill, damage, jump, starve and restart it: a table of how each fault ended (ARGS='-k restart')
	$(PYTEST) $(PARALLEL) -p tests.faults.table -m fault --whole tests/faults tests/integration tests/unit $(ARGS)

bench: $(STAMP) ## measure, beside an earlier commit and libvirt, against the bars
	$(BIN)/python -m tests.bench

bench-fleet: $(STAMP) ## a fleet on a real NATS server, measured against its bars (HOSTS=100000)
	$(BIN)/python -m tests.fleet_bench $(HOSTS)

fleet-demo: $(STAMP) ## start a NATS server, a thousand simulated hosts and a reader, with questions to try
	@exec $(BIN)/python -m tests.fleet_demo

load: $(STAMP) ## ask the service without pause, over 2,000 connections, beside libvirtd (ARGS=SECONDS; 600)
	$(BIN)/python -m tests.load $(ARGS)

qemu: ## install Debian's QEMU, where it is missing
	@$(CHECK_PYTHON)
	@$(PYTHON) -m tools.needs qemu

roots: $(STAMP) ## lay out the other QEMU versions in .roots (mmdebstrap, as root)
	@$(BIN)/python -m tools.roots

docs: $(STAMP) ## write the tables of docs/cli.md, domain-xml.md, settings.md, operating.md, checking.md, proving.md
	$(BIN)/python -m tools.cli_page
	$(BIN)/python -m tools.domain_xml
	$(BIN)/python -m tools.settings_page
	$(BIN)/python -m tools.metrics_page
	$(BIN)/python -m tools.rules_page
	$(BIN)/python -m tools.rule_book
	$(BIN)/python -m tools.proving_page

pictures: $(STAMP) ## take the pictures of the pages, docs/pictures (Debian's chromium, QEMU, make roots)
	@$(BIN)/python -u -m tools.pictures

man: $(STAMP) ## write the manual pages into build/man (`make install` lays them down)
	@$(BIN)/python -m tools.man_pages

fixtures: $(STAMP) ## record fixtures/replies anew, from .roots and the installed QEMU
	@$(BIN)/python -m tools.fixtures

# One lock for every Python from the oldest on (--universal): what only one of them needs carries a mark that says so.
lock: $(STAMP) ## put into requirements.lock what pyproject.toml has new; with UPGRADE=--upgrade, all of it anew
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --extra fleet --extra dev \
	  --no-header --output-file requirements.lock pyproject.toml

clean: ## remove all that these targets made, but for .roots
	rm -rf $(VENV) run build dist mutants *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.roots/*' -prune -exec rm -rf {} +

# Every package comes with the hash that the lock names; the project itself stands in the environment as a link to
# this checkout.  The stamp is written last, so a half-made environment is made again.  What pip will not do any more in
# a later version (`-W ignore`) is nothing to whoever makes it.
$(STAMP): requirements.lock pyproject.toml
	@$(CHECK_PYTHON)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo 'making the environment in $(VENV), which takes a minute …'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -W ignore -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --editable .
	@touch $@
