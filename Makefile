# What a developer or a new user types. `make demo` and `make test` set up whatever they need, and are quick again.
.PHONY: help demo test bench check venv packages test-packages clean lock
.NOTPARALLEL:
.DEFAULT_GOAL := help

BIN := .venv/bin
WORKERS ?= auto

help: ## Say what can be made.
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

demo: packages venv ## From bare hosts to a workload that runs from the private registry, on this machine.
	@sh scripts/demo.sh

test: test-packages venv check ## Every check and every test, the ones on real hosts included.
	@$(BIN)/python -m pytest -q -m 'not lab' -n $(WORKERS)
	@$(BIN)/python -m lab images
	@$(BIN)/python -m pytest -q -m lab

bench: packages venv ## What moor costs beside raw ssh, on light hosts of the lab; BENCH_SIZES=10,50 for less.
	@$(BIN)/python -m bench

check: venv ## Style and types.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

venv: .venv/complete ## A virtual environment with the pinned libraries.

.venv/complete: requirements.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh

packages: ## The Debian packages that the demo needs.
	@sh scripts/packages.sh

test-packages:
	@sh scripts/packages.sh test

lock: venv ## Pin requirements.in and all it needs, with hashes, in requirements.txt.
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 requirements.in --output-file requirements.txt

clean: ## Leave nothing behind: the lab, its images and passwords, the environment, the site's state.
	@sh scripts/clean.sh
