# Every target sets up .venv by itself when it is missing or older than the pinned requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-browser test-all check bench clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Retrace needs Python 3.11 or newer; say which with: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Retrace into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

demo: $(READY)
	$(BIN)/retrace demo $(ARGS)

test: $(READY)
	$(BIN)/python -m tests.run -m "not slow and not browser" $(ARGS)

test-browser: $(READY)
	$(BIN)/python -m tests.run -m browser $(ARGS)

test-all: $(READY)
	$(BIN)/python -m tests.run $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/mining.py --events 1000000 --against pm4py
	$(BIN)/python benchmarks/ingestion.py --events 300000
	$(BIN)/python benchmarks/findings.py --lines 10000
	$(BIN)/python benchmarks/reconciliation.py --sizes 10000 100000
	$(BIN)/python benchmarks/encoding.py
	$(BIN)/python benchmarks/serving.py

clean:
	rm -rf $(VENV) .retrace .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
