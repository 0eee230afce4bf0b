# make bounds: every compiled kernel under bounds checks, for five minutes.
# make explore: property tests on random examples.
# make demo: environment, simulated screen, the whole study, the report. make test: everything CI runs.
# make notebooks: the notebooks, run from the wheel in an environment of their own: notebooks-out/.
# make web: the page of phenolens explore, from web/ (needs node 20; nothing else here does).
# make docs: the documentation site, notebooks run, in an environment of its own: docs-out/index.html.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
# One BLAS thread a process: results do not depend on the machine's number of cores.
export OMP_NUM_THREADS = 1

.PHONY: demo test lint bounds explore notebooks docs web clean

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

demo: $(VENV)/.ready
	$(BIN)/phenolens demo --out phenolens-demo

lint: $(VENV)/.ready
	$(BIN)/ruff check src tests bench docs
	$(BIN)/ruff format --check src tests bench docs
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# Property tests on examples that no one has seen: what fails becomes a case of its test.
explore: $(VENV)/.ready
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m hypothesis

# The tests do so for some seconds; this for minutes: what it finds becomes a test.
bounds: $(VENV)/.ready
	$(BIN)/python bench/bounds.py --seconds 300 --seed $(or $(SEED),0)

# Not from the source tree: what is not in the wheel is missed here.
notebooks:
	rm -rf build/wheel
	$(PYTHON) -m venv --clear $(VENV)-notebooks
	$(VENV)-notebooks/bin/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(VENV)-notebooks/bin/python -m pip install --quiet -c requirements.lock \
		-r docs/notebooks/requirements.txt build/wheel/phenolens-*.whl
	$(VENV)-notebooks/bin/python docs/notebooks/run.py notebooks-out

$(VENV)-docs/.ready: docs/requirements.txt docs/notebooks/requirements.txt requirements.lock
	$(PYTHON) -m venv --clear $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet -c requirements.lock -r docs/requirements.txt .
	touch $@

# A warning ends it. The package is installed anew each time, for it is what the pages show.
docs: $(VENV)-docs/.ready
	$(VENV)-docs/bin/python -m pip install --quiet --no-deps --force-reinstall .
	rm -rf docs-out docs/reference
	$(VENV)-docs/bin/python docs/picture.py
	$(VENV)-docs/bin/python -m sphinx -W --keep-going -q -b html docs docs-out

# The same sources and lock give the same bytes: a difference in git is a change of the page.
web:
	npm --prefix web ci --no-audit --no-fund --ignore-scripts
	npm --prefix web run check
	npm --prefix web run build

clean:
	rm -rf $(VENV) $(VENV)-notebooks $(VENV)-docs build notebooks-out docs-out docs/reference phenolens-demo
