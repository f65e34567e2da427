# Everything runs from a virtual environment in the checkout.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help setup quickstart test acceptance check format clean

help:            ## Say what there is.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## Install Assay and everything it needs into .venv.

$(READY): pyproject.toml constraints.txt $(wildcard decontam/text/*.[ch])
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,notebooks]'
	touch $(READY)

quickstart: $(READY)  ## Run the whole job on the embedded model and data.
	$(BIN)/python -m harness.ablate sweeps/quickstart.yaml

test: $(READY)   ## Pass the tests.
	$(BIN)/python -m pytest -n 2

acceptance: quickstart ## Run the quickstart and check what it promises.
	ASSAY_RESULTS=results $(BIN)/python -m pytest tests/acceptance

check: $(READY)  ## Format, lint and types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:           ## Remove the environment and every result.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
