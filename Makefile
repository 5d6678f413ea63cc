# The commands of this project. `make demo` and `make test` set up by themselves; only Python 3.11+, pip and make are needed.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
LETTER ?=
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Tests start many processes; without bytecode kept on the disk each of them would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help desk demo test test-web test-peers test-long check bench lock debian clean format

help:
	@echo "make desk                set up, and open your desk in the browser"
	@echo "make demo [LETTER=file]  write, seal, post, collect, open and answer a letter, here and now"
	@echo "make test                the tests, in some ten minutes"
	@echo "make test-web            only the tests of the desk in a browser (Chromium; pictures with DEARLY_PICTURES=1)"
	@echo "make check               format, lint, types and the walls between the rooms"
	@echo "make test-peers          only the tests against real programs (GnuPG, sq, Thunderbird's engine, Delta Chat)"
	@echo "make test-long           every byte cut, every step killed many times; takes long"
	@echo "make bench               measure beside the peers, print ratios"

$(VENV)/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || echo "Setting up, once; this takes about a minute."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# What the writing page is made of where npm can fetch it; where it cannot, the page has its plain field, which is whole.
.PHONY: vendor
vendor:
	@if ! test src/dearly/web/static/vendor/importmap.json -nt package-lock.json; then \
	if test -d node_modules/@codemirror || { command -v npm >/dev/null && npm ci --omit=dev --silent; }; then \
	$(PYTHON) tools/vendor.py; fi; fi || true

desk: $(VENV)/.run vendor
	@$(BIN)/dearly

demo: $(VENV)/.run
	@$(BIN)/python demo/demo.py $(if $(LETTER),--letter "$(LETTER)")

# The real programs that the tests talk to; without root one sentence says what is missing and those tests are skipped.
debian:
	@sh tests/debian.sh

# What the pages' script is checked with, and what looks at the pages as somebody does who cannot see them.
node_modules/.npm: package.json package-lock.json tools/vendor.py | debian
	@if command -v npm >/dev/null; then npm ci --silent && $(PYTHON) tools/vendor.py && touch $@; \
	else echo "npm is not installed, so the tests that need it are skipped."; fi

test: $(VENV)/.dev debian node_modules/.npm
	@$(BIN)/python -m compileall -q -j 2 src  # once, and not in each of the processes that begin together
	@$(BIN)/python -m pytest -m "not long" -q -n 3 --dist loadfile --no-loadscope-reorder

test-web: $(VENV)/.dev debian node_modules/.npm
	@$(BIN)/python -m pytest tests/web -q -n 2 --dist loadfile --timeout 600 -m "long or not long"

test-peers: $(VENV)/.dev debian
	@$(BIN)/python -m pytest tests/peers -q

test-long: $(VENV)/.dev debian node_modules/.npm
	@DEARLY_TESTS_LONG=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --timeout 3600 -m "long or not long"

check: $(VENV)/.dev
	@$(BIN)/ruff format --check src tests demo benchmarks tools
	@$(BIN)/ruff check src tests demo benchmarks tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@test ! -x node_modules/.bin/tsc || node_modules/.bin/tsc -p jsconfig.json

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix --quiet src tests demo benchmarks tools || true
	@$(BIN)/ruff format src tests demo benchmarks tools

bench: $(VENV)/.dev debian
	@$(BIN)/python -m benchmarks

# Written with uv, installed with plain pip. The lock files name no host; tests/arch/test_lock.py checks them.
lock:
	uv pip compile pyproject.toml --group build --universal --generate-hashes --no-header --no-annotate -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --group peers --universal --generate-hashes --no-header --no-annotate -q -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache
