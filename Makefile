PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TEST_INSTALLED := $(VENV)/.test-installed

.PHONY: run test lint bench install

# Serve on SQLite with one worker; prints the URLs and the tokens of a first student and admin.
run: install
	$(BIN)/assay demo

# Everything CI checks: style, types, layers, then every test, on a real PostgreSQL and in a real browser.
test:
	tests/install-system-packages
	$(MAKE) --no-print-directory $(TEST_INSTALLED)
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Style, types and the layers of the import contracts.
lint: $(TEST_INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Ratios of speed measured in one run on this machine (a few minutes).
bench: $(TEST_INSTALLED)
	$(BIN)/python -m tests.load.bench

# The virtual environment with the pinned packages.
install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Installing the packages that constraints.txt pins; the first time this takes some minutes."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(TEST_INSTALLED): $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@
