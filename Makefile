# What a developer or a new user types. `make demo` and `make test` set up whatever they need, and are quick again.
.PHONY: help welcome demo test bench check docs reference venv packages test-packages clean lock
.NOTPARALLEL:
.DEFAULT_GOAL := help

BIN := .venv/bin
# Tests wait much of their time: for a login, for a process, for a bound that is to run out, for a host that boots.
WORKERS ?= $(shell expr 3 '*' $$(nproc))
LAB_WORKERS ?= 4

help: ## Say what can be made.
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

demo: welcome packages .venv/demo ## From bare hosts to a workload that runs from the private registry, on this machine.
	@sh scripts/demo.sh

test: test-packages venv check ## Every check and every test, the ones on real hosts included.
	@$(BIN)/python -m pytest -q -m 'not lab' -n $(WORKERS) --dist worksteal
	@$(BIN)/python -m moor_lab images
	@$(BIN)/python -m pytest -q -m 'lab and not alone' -n $(LAB_WORKERS) --dist loadfile
	@$(BIN)/python -m pytest -q -m alone

bench: packages .venv-moor/complete .venv-bench/complete ## What a check costs, beside other tools; BENCH_SIZES=10,50 BENCH_ROUNDS=1 for less.
	@.venv-moor/bin/python -m bench

# moor as a user installs it, with the lab's few libraries: what tests need beside them makes a start dearer.
.venv-moor/complete: requirements.txt requirements-demo.txt pyproject.toml | .venv/complete
	@echo "moor: installing moor as users have it in .venv-moor" >&2
	@$(BIN)/python -m venv --clear .venv-moor
	@for pinned in requirements.txt requirements-demo.txt; do \
		.venv-moor/bin/python scripts/install.py $$pinned || exit 1; done
	@.venv-moor/bin/python -m pip install --quiet --quiet --disable-pip-version-check --root-user-action=ignore \
		--no-deps --no-build-isolation --editable .
	@.venv-moor/bin/python -m compileall -q -j 0 .venv-moor/lib >/dev/null || :
	@touch $@

.venv-bench/complete: bench/requirements.txt | .venv/complete
	@echo "moor: installing the tools to measure beside in .venv-bench" >&2
	@$(BIN)/python -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --quiet --disable-pip-version-check --root-user-action=ignore \
		--require-hashes --requirement bench/requirements.txt
	@touch $@

check: venv ## Style, types, and which module may import which.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

reference: venv ## Write docs/settings.md and docs/commands.md anew, from the code.
	@$(BIN)/python -m moor_docs

docs: venv ## These pages as a site in build/site, every link checked; it is read without a network.
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs -d build/docs . build/site
	@echo "moor: open build/site/index.html" >&2

venv: .venv/complete ## A virtual environment with the pinned libraries.

.venv/complete: requirements-dev.txt pyproject.toml scripts/venv.sh scripts/install.py
	@sh scripts/venv.sh

.venv/demo: requirements-demo.txt pyproject.toml scripts/venv.sh scripts/install.py
	@sh scripts/venv.sh demo

welcome:
	@sh scripts/welcome.sh

packages: ## The Debian packages that the demo needs.
	@sh scripts/packages.sh

test-packages:
	@sh scripts/packages.sh test

PIN := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11

lock: venv ## Pin every requirements.in and all it needs, with hashes, in the requirements.txt beside it, and without in constraints.txt.
	@$(BIN)/python -m pip install --quiet uv
	@$(PIN) requirements.in --output-file requirements.txt
	@sed -nE 's/^([a-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==([^\\]*[^\\ ]) *\\?$$/\1==\3/p' requirements.txt >constraints.txt
	@$(PIN) requirements-dev.in --output-file requirements-dev.txt
	@$(PIN) --extra lab --constraint requirements-dev.txt pyproject.toml requirements-demo.in \
		--output-file requirements-demo.txt
	@$(PIN) bench/requirements.in --output-file bench/requirements.txt

clean: ## Leave nothing behind: the lab, its images and passwords, the environment, the site's state.
	@sh scripts/clean.sh
