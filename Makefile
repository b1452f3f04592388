# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo   runs an assessment and shows its result
#   make test   lints and runs the tests
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

# The tests are many small fits: one thread each, one process a core.
WORKERS ?= 2
test test-slow coverage test-oldest: export OMP_NUM_THREADS = 1
# Compiled files are kept, whatever the machine says: many tests start Python anew.
test test-slow coverage test-oldest: export PYTHONDONTWRITEBYTECODE =

.PHONY: install demo lint test test-slow coverage test-oldest docs reproduce benchmark clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[plot,test]"
	touch $(STAMP)

demo: install
	$(BIN)/python -m sklearn_emerge assess oscillator --model gru --hidden-size 16 \
	  --steps 2000 --train 2000 --random-state 0 \
	  --out demo/oscillator.nc --figure demo/oscillator.png

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/python tests/prose.py

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

test-slow: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m slow \
	  --calibration=datasets/calibration

# Some minutes more than make test, and therefore not part of it.
coverage: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q --cov=sklearn_emerge

# The tests with the lower bounds of pyproject.toml; old versions use what newer ones of their own
# dependencies deprecate.
test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest -n $(WORKERS) --dist worksteal -q \
	  -W ignore::DeprecationWarning -W "ignore:Creating a Groupby:FutureWarning"

# The test client of an old starlette needs httpx, that of a new one httpx2.
.venv-oldest/installed: pyproject.toml tests/oldest.py
	$(PYTHON) -m venv --clear .venv-oldest
	.venv-oldest/bin/python tests/oldest.py > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet -c .venv-oldest/constraints.txt \
	  -e ".[plot,test]" httpx
	touch $@

# The site, without a network: docs/_build/html/index.html. It documents what it imports, and
# therefore shares the environment of the tests; a second one would bring torch once more.
docs: export OMP_NUM_THREADS = 1
docs: .venv/installed-docs
	$(BIN)/python -m sphinx -b html -j $(WORKERS) -W --keep-going -q docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html
	$(BIN)/python docs/look_at_site.py docs/_build/html

.venv/installed-docs: $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	touch $@

# Every table of the papers at its full budget; continues where it was interrupted.
reproduce: export OMP_NUM_THREADS = 1
reproduce: install
	$(BIN)/python docs/make_reproduction.py --jobs $(WORKERS) --memory .reproduce

# What docs/numbers.md says of time and memory, one after another, on a machine that does nothing
# else: about two hours. Pauses let it cool, and the load average fall to that of other work.
PAUSE ?= 120
MEASURE = sleep $(PAUSE) && $(BIN)/python benchmarks/
SAVE = --save datasets/benchmarks

benchmark: .venv/installed-benchmark
	$(MEASURE)recurrence.py $(SAVE)
	$(MEASURE)recurrence.py --sizes 16 32 --seeds 5 1 --tokens 27 300 --updates 15 $(SAVE)
	$(MEASURE)transformer.py --data tokens $(SAVE)
	$(MEASURE)transformer.py --data tokens --precision bfloat16 $(SAVE)
	$(MEASURE)probes.py $(SAVE)
	$(MEASURE)assessment.py $(SAVE)
	$(MEASURE)growth.py $(SAVE)
	export OMP_NUM_THREADS=1 && $(MEASURE)short_fits.py 40 $(SAVE)
	export OMP_NUM_THREADS=1 && $(MEASURE)large_grids.py --keys 100 1000 10000 $(SAVE)
	export OMP_NUM_THREADS=1 && $(MEASURE)engines.py $(SAVE)
	export OMP_NUM_THREADS=1 && $(MEASURE)faults.py --engines dask loky multiprocessing serial --minutes 15 $(SAVE)
	$(BIN)/python docs/make_numbers.py

.venv/installed-benchmark: $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[benchmark,cluster]"
	touch $@

clean:
	rm -rf .venv .venv-oldest build dist demo docs/_build docs/reference/generated docs/gallery docs/learn *.egg-info
