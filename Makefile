PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TEST_INSTALLED := $(VENV)/.test-installed
GENERATORS_INSTALLED := $(VENV)/.client-generators-installed

# Dozens of processes import the same files: compiled ones are kept, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

# Half as many test processes again as cores, because tests wait for browsers, timers and other processes.
CORES := $(shell nproc 2>/dev/null || echo 2)
PYTEST := $(BIN)/python -m pytest -n $(shell expr $(CORES) + \( $(CORES) + 1 \) / 2) --dist loadfile --no-loadscope-reorder

.PHONY: run help check test check-all packages lint fix openapi bench install

# Serve on SQLite with one worker; prints the URLs and the tokens of a first student and admin.
run: install
	$(BIN)/assay demo

# Show this list.
help:
	@awk '/^# / { comment = substr($$0, 3); next } \
		/^[a-z-]+:/ && comment { sub(/:.*/, ""); printf "make %-10s %s\n", $$0, comment } \
		{ comment = "" }' Makefile

# Before each small change, in under three minutes: lint, the units, a slice with a real sandbox, database and browser.
check: packages lint
	$(PYTEST) -m "quick and not thorough"

# What every change must pass, in under ten minutes: it finds whatever a change could break. CI runs this.
test: packages
	@# Lint beside the tests, because mypy leaves cores idle.
	@$(MAKE) --no-print-directory lint & lint=$$!; $(PYTEST) -m "not thorough"; tests=$$?; \
		wait $$lint || { echo "make lint failed: its output is above" >&2; exit 1; }; exit $$tests

# Everything, in an hour or two: what takes long, on both databases, in each set-up; CONTRIBUTING.md lists it.
check-all: packages $(GENERATORS_INSTALLED) lint
	SCREENSHOTS=screenshots ASSAY_TEST_SEARCH=1 ASSAY_TEST_DATABASES=both ASSAY_TEST_CHILDREN=1000 ASSAY_TEST_OUTAGE_SECONDS=30 $(PYTEST)
	$(BIN)/python -m tests.chaos --kills 100 --database sqlite
	$(BIN)/python -m tests.chaos --kills 100 --database postgresql
	$(BIN)/python -m tests.hostile.setups container
	$(BIN)/python -m tests.hostile.setups bubblewrap
	$(BIN)/python -m tests.hostile.over_http
	$(BIN)/python -m tests.integration.submissions
	$(BIN)/python -m tests.container
	$(BIN)/python -m tests.platforms

# The Debian packages and the Python packages that the tests use.
packages:
	tests/install-system-packages
	$(MAKE) --no-print-directory $(TEST_INSTALLED)

# Style, types and the layers of the import contracts.
lint: $(TEST_INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Repair what ruff can repair, and format.
fix: $(TEST_INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Write docs/openapi.json, the description of the HTTP API.
openapi: $(TEST_INSTALLED)
	$(BIN)/python -m tests.openapi_document

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

# The generators of API clients have environments of their own, because they need other versions of Assay's packages.
$(GENERATORS_INSTALLED): $(TEST_INSTALLED) tests/clients/requirements.txt tests/clients/package-lock.json
	tests/install-system-packages npm
	test -x $(VENV)/client-generators/bin/python || $(PYTHON) -m venv $(VENV)/client-generators
	$(VENV)/client-generators/bin/pip install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
	npm ci --silent --no-audit --no-fund --prefix tests/clients
	touch $@
