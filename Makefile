# Every door of the project. Each sets up what it needs: nothing is prepared by hand.
PYTHON ?= python3
LANES ?=
BIN := .venv/bin
TOOL := $(PYTHON) -m

.DEFAULT_GOAL := help
.PHONY: help demo test check bench prove bundle clean python environment

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: environment ## the whole city on the embedded default, in under a minute
	@$(BIN)/yunjin demo

test: python ## every lane, on real servers; LANES="check e2e" runs some
	@$(TOOL) tools.suite $(LANES)

check: python ## style, types, layers, unit and contract tests
	@$(TOOL) tools.suite check

bench: environment ## every figure beside its aim
	@$(BIN)/python -m tools.bench

prove: environment ## the heavy proofs, hours
	@$(BIN)/pytest tests -m prove --timeout=0

bundle: environment ## one offline installer in dist/
	@$(BIN)/python -m tools.bundle

clean: ## forget the environment and everything built
	@rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

environment: python
	@$(TOOL) tools.environment

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Python 3.11 or newer is needed: make PYTHON=python3.11 ...' >&2; exit 1; }
