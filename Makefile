# Everything needs only python3 >= 3.11: the virtual environment is made on first use.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed-$(subst $(comma),-,$(EXTRAS))
comma = ,
# compiled kernels of the tests: kept from run to run, renewed when a source changes
export NUMBA_CACHE_DIR ?= $(CURDIR)/.numba_cache

.PHONY: demo test check bench oracle clean

demo: $(STAMP)
	$(BIN)/python -m sklosses demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(GROUPS)

oracle: $(STAMP)  # PyTorch, which some tests compare with (CPU build)
	$(BIN)/python -m pip install --quiet torch==2.13.0

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[$(EXTRAS)]"
	touch $@

clean:
	rm -rf $(VENV) .numba_cache .pytest_cache .ruff_cache .mypy_cache
