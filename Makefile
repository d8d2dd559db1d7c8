# The two commands of the README, each with all its own set-up: make demo, make test.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-report

TOOLS := build/tools
RUNTIME := build/runtime
TOOL_VERSIONS := uv==0.13.9 cyclonedx-bom==7.5.0 pip-licenses==5.5.5

.PHONY: demo test test-cluster test-access benchmark docs fuzz lock wheel sbom clean

demo: $(VENV)/.installed
	@rm -rf $(DEMO)
	@$(BIN)/detector scan datasets/samples --out $(DEMO) || [ $$? -eq 1 ]  # one sample is broken on purpose
	@echo "Open $(DEMO)/index.html in a browser; the annotated pictures are in $(DEMO)/frames"

test: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

# Machines that are lost, drivers that are killed: minutes.
test-cluster: $(VENV)/.installed-test
	CLUSTER_TESTS=1 $(BIN)/pytest -o faulthandler_timeout=0 tests/engines/test_ray.py tests/engines/test_ray_cluster.py \
		tests/storage/test_faults.py tests/storage/test_away.py

# What axe-core says of every page. Once it never came to an end, so that `make test` does not wait for it.
test-access: $(VENV)/.installed-test
	AXE_TESTS=1 timeout 900 $(BIN)/pytest tests/report/test_page_axe.py tests/review/test_review_axe.py

fuzz: $(VENV)/.installed-test
	$(BIN)/python scripts/fuzz.py --mutants 2000

docs: $(VENV)/.installed-test
	$(BIN)/python scripts/make_reference.py
	$(BIN)/zensical build --clean --strict

benchmark: $(VENV)/.installed-test
	$(BIN)/python scripts/benchmark.py

# What `make test` installs, with the hash of every file; for all systems and Python versions.
lock: $(TOOLS)/.installed
	$(TOOLS)/bin/uv pip compile pyproject.toml --extra test --extra train --extra openvino --extra cluster --universal \
		--python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet \
		--output-file requirements.lock

wheel: $(VENV)/.installed-test
	$(BIN)/hatchling build -t wheel -d dist

# What the wheel brings with it: CycloneDX, and the licences as a table.
sbom: wheel $(TOOLS)/.installed
	$(PYTHON) -m venv --clear $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file dist/sbom.cdx.json $(RUNTIME)/bin/python
	$(TOOLS)/bin/pip-licenses --python $(RUNTIME)/bin/python --format markdown --with-urls \
		--output-file dist/licences.md

$(TOOLS)/.installed: Makefile
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check $(TOOL_VERSIONS)
	@touch $@

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml requirements.lock | $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) $(DEMO) build dist
