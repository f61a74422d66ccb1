# A new machine needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHAPTERS := compare explore transform metrics parameters
NOTEBOOKS := prepare.ipynb visualize.ipynb $(patsubst %,notebooks/%.ipynb,$(CHAPTERS))
EXECUTED := data/cache

# The notebooks' kernel is that of .venv, whatever other kernels this machine has.
export JUPYTER_PREFER_ENV_PATH := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := movie
# Run a notebook, with parameters; the executed copy does not replace the one in the repository.
define execute
	@mkdir -p $(EXECUTED)
	@echo "Running $(1) (the executed copy goes to $(EXECUTED))"
	@$(BIN)/papermill --log-level WARNING --progress-bar $(1) $(EXECUTED)/$(notdir $(1)) $(2)
endef

# A movie of other data: make movie DATA=flowers.csv LABEL=species, all rows unless ROWS says how
# many. Only what the command line says counts: the environment may have such names, too. What it
# says goes to the recipes as it is, by the environment, so that no name is ever run as a command.
GIVEN := $(foreach name,DATA LABEL ROWS,$(if $(filter command line,$(origin $(name))),$(name)))
override DATA := $(if $(filter DATA,$(GIVEN)),$(value DATA),mnist)
override LABEL := $(if $(filter LABEL,$(GIVEN)),$(value LABEL))
override ROWS := $(if $(filter ROWS,$(GIVEN)),$(value ROWS),0)
export DATA LABEL ROWS
ask = $$($(BIN)/python -c 'import os; from animated.storage.paths import *; print($(1))')
NAME = $(call ask,name_data(os.environ["DATA"]))
MOVIE = $(call ask,name_results(name_data(os.environ["DATA"])).movie)
ifneq ($(filter DATA,$(GIVEN)),)
PREPARE = --parameters_raw data "$$DATA" --parameters num_rows "$$ROWS"
PREPARE += $(if $(filter LABEL,$(GIVEN)),--parameters_raw label "$$LABEL")
VISUALIZE = --parameters_raw name "$(NAME)" --parameters max_megabytes 6
endif

# Install a part of constraints.txt. Whatever is downloaded has a hash there, and what has to be
# built is built with what is installed already.
define install
	@sed -n 's/^# $(1): /Installing /p' constraints.txt
	@sed -n '/^# $(1):/,/^$$/p' constraints.txt | $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --require-hashes --no-build-isolation --requirement /dev/stdin
endef

.PHONY: movie compare explorer transform metrics parameters extend
.PHONY: test test-all lab notebooks pictures bench licences clean help

movie: $(VENV)/installed  ## make movies/umap.mp4 (the default), or a movie of DATA, coloured by LABEL
	@case "$$ROWS" in ''|*[!0-9]*) \
		printf 'ROWS must be a whole number, 0 for all rows, got "%s"\n' "$$ROWS" >&2; exit 2;; esac
	$(call execute,prepare.ipynb,$(PREPARE))
	$(call execute,visualize.ipynb,$(VISUALIZE))
	@movie="$(MOVIE)"; echo "$$movie is ready: $$(($$(wc -c < "$$movie") / 1000)) kB"

compare: $(VENV)/compared  ## run compare, which makes the films of all methods
	$(call execute,notebooks/compare.ipynb)
	@echo "movies/compare.mp4, movies/turn.mp4 and movies/tour.mp4 are ready"

explorer: $(VENV)/compared  ## run explore, which makes the interactive page movies/explorer.html
	$(call execute,notebooks/explore.ipynb)
	@echo "movies/explorer.html is ready: $$(($$(wc -c < movies/explorer.html) / 1000)) kB"

transform: $(VENV)/installed  ## run transform: a second data set, unseen points, labels
	$(call execute,notebooks/transform.ipynb)
	@echo "movies/both.mp4, movies/unseen.mp4 and movies/labels.mp4 are ready"

metrics: $(VENV)/installed  ## run metrics: mixed types, any distance
	$(call execute,notebooks/metrics.ipynb)
	@echo "movies/mixed.mp4 and movies/distances.mp4 are ready"

parameters: $(VENV)/installed  ## run parameters: hyper-parameters, seeds, density
	$(call execute,notebooks/parameters.ipynb)
	@echo "movies/sweeps.mp4 and movies/seeds.mp4 are ready"

extend: transform metrics parameters  ## run the last three

# A file of tests is a unit of work, so that its tests share what they prepare.
PYTEST = $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 10

test: $(VENV)/tested  ## install what the tests need and run all of them but the slow ones
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "not slow"

test-all: $(VENV)/tested  ## run the slow tests: long kills, fuzz, large data, supply chain
	$(PYTEST) -m slow

lab: $(VENV)/installed  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab

notebooks: $(VENV)/compared  ## run all notebooks in place, for maintainers
	@# Without progress bars: they are widgets, which show nothing once the kernel is gone.
	TQDM_DISABLE=1 $(BIN)/jupyter nbconvert --log-level WARN --to notebook --inplace --execute \
		--ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.store_widget_state=False $(NOTEBOOKS)

pictures: $(VENV)/tested  ## take the pictures of explore.ipynb in a browser, for maintainers
	$(BIN)/python benchmarks/pictures.py

bench: $(VENV)/installed  ## measure what the README says, in twenty minutes
	$(BIN)/python benchmarks/all.py

licences: $(VENV)/tested  ## print which licence every package has that is installed
	@$(BIN)/python benchmarks/licences.py

clean:  ## remove .venv, frames, caches and interrupted runs, but nothing that is committed
	rm -rf $(VENV) data/cache frames/*.png *.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -f data/epochs.json data/*-epochs.json data/epochs.arrow data/*-epochs.arrow data/*.start.npz data/*.state.npz
	find data frames movies images \( -name '.*.lock' -o -name '.*.partial*' \) -exec rm -f {} +
	find . -name __pycache__ -prune -exec rm -rf {} +

help:  ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## *(.*)/make \1	\2/' | expand -t 18

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "$(PYTHON) cannot make virtual environments; on Debian, install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(call install,build)
	$(call install,run)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/compared: $(VENV)/installed
	$(call install,pacmap)
	@touch $@

$(VENV)/tested: $(VENV)/compared
	$(call install,test)
	@touch $@
