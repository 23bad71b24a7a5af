# `make demo` runs the main job, `make test` the tests; both set up everything they need in .venv.
PYTHON ?= python3
NEWEST ?= python3.13
BIN := .venv/bin

# A worker a core, four at most: each compiles its own programs and takes some GB. A file stays whole, because its fixtures are shared; files come
# in the order of tests/quick.py, not of their numbers of tests.
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
PYTEST := $(BIN)/python -m pytest $(WORKERS)

.PHONY: demo test test-all evidence test-seeds test-order test-newest lint bench docs docs-links clean

demo: .venv/demo
	$(BIN)/mixtures demo

test: .venv/test
	$(PYTEST)

# Long runs compute longer than they compile: programs are compiled as users have them, not as tests/conftest.py would.
test-all: .venv/test
	XLA_FLAGS= $(PYTEST) -m "slow or not slow"

# The statistical tests with fifty other seeds; SLOW=--slow for the long ones too.
test-seeds: .venv/test
	$(BIN)/python -m tests.other_seeds --seeds 50 $(SLOW)

# All tests, or TESTS="tests/laws ..." of them, and the page that says what all of them have found; named with =, for a path by itself would be
# taken for the tests to run.
evidence: .venv/test
	XLA_FLAGS= $(PYTEST) -m "slow or not slow" --evidence=docs/evidence.md $(TESTS)

# In two other orders, of files and of the tests within a file: no test may need one that ran before it.
test-order: .venv/test
	$(PYTEST) --random-order-bucket=module --random-order-seed=1
	$(PYTEST) --random-order-bucket=module --random-order-seed=2

# With the newest of every dependency, as a user's fresh environment has them; but for torch, whose other builds bring some GB.
test-newest: .venv-newest/test
	.venv-newest/bin/python -m pytest $(WORKERS)

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All but accelerator.py, which is for a machine that has one; what they print is kept in docs/measured/.
bench: .venv/bench
	$(BIN)/python benchmarks/record.py

# The site, in docs/_build/html: cells of its pages are executed, warnings are errors. GALLERY=1 runs the examples too, for their pictures.
docs: .venv/docs
	$(BIN)/codespell
	$(BIN)/python docs/make_gallery.py $(if $(GALLERY),--run)
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build/html

# Asks the servers behind the site's links; needs the network.
docs-links: .venv/docs
	$(BIN)/sphinx-build -q -b linkcheck docs docs/_build/links

# One stamp a purpose: the demo needs no torch, the tests need both backends, the benchmarks the peers as well.
.venv/demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/test: .venv/demo
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

.venv/bench: .venv/test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[bench]"
	touch $@

.venv/docs: .venv/demo
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

.venv-newest/test: pyproject.toml constraints.txt
	$(NEWEST) -m venv .venv-newest
	grep '^torch=' constraints.txt > .venv-newest/torch.txt
	.venv-newest/bin/python -m pip install --quiet --upgrade --constraint .venv-newest/torch.txt --editable ".[test]"
	touch $@

clean:
	rm -rf docs/_build docs/reference/generated docs/gallery
	rm -rf .venv .venv-newest .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .compiled
