# `make demo` and `make test` need nothing but Python 3.11, make and git beforehand.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: help setup demo test quick lint bench browser clean

help:  ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready  ## Make .venv with everything: the package, its extras and the tools

.venv/.ready: pyproject.toml Makefile
	@echo "Installing into .venv: about two minutes, and 6 GB on Linux, where torch brings its CUDA libraries."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable '.[train,heic,parquet]'
	@touch $@

demo: setup  ## Harvest painted snakes from a small web, learn them, export, serve, ask once
	$(BIN)/fieldmark demo

# Two files of tests at a time, each on one thread: torch's threads would only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: lint browser  ## Run everything that CI runs
	$(PYTEST)

quick: setup  ## Run the tests that need no browser, no real photos and not long
	$(PYTEST) -m 'not browser and not photos and not long'

lint: setup  ## Check style, types and the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## Measure; the tables go into bench/RESULTS.md
	$(BIN)/python bench/seeds.py ../shared/data/snakes/classes
	$(BIN)/python bench/decode.py
	$(BIN)/python bench/harvest.py
	$(BIN)/python bench/harvest.py --memory
	$(BIN)/python bench/near_duplicates.py ../shared/data/snakes/classes ../shared/data/bears_raw
	$(BIN)/python bench/checks.py ../shared/data
	$(BIN)/python bench/clean.py
	$(BIN)/python bench/train.py
	$(BIN)/python bench/scale.py
	$(BIN)/python bench/serve.py

browser: setup
	@command -v chromium >/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's chromium for the browser stories."; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null \
	    || echo "chromium could not be installed: the browser stories will be skipped."; \
	else echo "chromium is not installed and may not be installed from here: the browser stories will be skipped."; fi
	@$(BIN)/python -c 'from fieldmark.web.runtime import gather; gather()' 2>/dev/null \
	  || echo "npm could not fetch ONNX Runtime Web: the stories of the static page will be skipped."

clean:  ## Remove what was made
	rm -rf .venv fieldmark-demo dist .mypy_cache .ruff_cache
