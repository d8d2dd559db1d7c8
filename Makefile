# The two commands of the README, each with all its own set-up: make demo, make test.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-report

.PHONY: demo test benchmark fuzz clean

demo: $(VENV)/.installed
	@rm -rf $(DEMO)
	@$(BIN)/detector scan datasets/samples --out $(DEMO) || [ $$? -eq 1 ]  # one sample is broken on purpose
	@echo "Open $(DEMO)/index.html in a browser; the annotated pictures are in $(DEMO)/frames"

test: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

fuzz: $(VENV)/.installed-test
	$(BIN)/python scripts/fuzz.py --mutants 2000

benchmark: $(VENV)/.installed-test
	$(BIN)/python scripts/benchmark.py

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,train]'
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) $(DEMO)
