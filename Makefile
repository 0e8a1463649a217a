# Two commands are enough: `make run` opens the app, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: run test faults lint format bench screenshots schema keys clean

$(VENV)/.run: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "chartkeep needs Python 3.11 or newer: make run PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

run: $(VENV)/.run
	@$(BIN)/chartkeep $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto $(ARGS)

faults: $(VENV)/.dev
	CHARTKEEP_FAULTS=full $(BIN)/python -m pytest -n auto --dist worksteal tests/faults $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(ARGS)

screenshots: $(VENV)/.dev
	$(BIN)/python -m screenshots.make

keys: $(VENV)/.dev
	$(BIN)/python -m screenshots.readme

schema: $(VENV)/.dev
	$(BIN)/python -m store.index.schema

clean:
	rm -rf $(VENV) build dist *.egg-info
