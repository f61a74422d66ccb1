# A new machine needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NOTEBOOKS := prepare.ipynb visualize.ipynb compare.ipynb explore.ipynb extend.ipynb
EXECUTED := data/cache
EXTENDED := $(patsubst %,movies/%.mp4,both unseen labels mixed distances sweeps seeds)

# The notebooks' kernel is that of .venv, whatever other kernels this machine has.
export JUPYTER_PREFER_ENV_PATH := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := movie
# Run a notebook, with parameters; the executed copy does not replace the one in the repository.
define execute
	@mkdir -p $(EXECUTED)
	@echo "Running $(1) (the executed copy goes to $(EXECUTED))"
	@$(BIN)/papermill --log-level WARNING --progress-bar $(1) $(EXECUTED)/$(1) $(2)
endef

# A movie of other data: make movie DATA=flowers.csv LABEL=species, all rows unless ROWS says how
# many. Only what the command line says counts: the environment may have such names, too.
given = $(filter command line,$(origin $(1)))
ifneq ($(call given,DATA),)
PREPARE = --parameters_raw data "$(DATA)" --parameters num_rows "$(if $(call given,ROWS),$(ROWS),0)"
PREPARE += $(if $(call given,LABEL),--parameters_raw label "$(LABEL)")
VISUALIZE = --parameters_raw name "$(call ask,name_data(sys.argv[1]))" --parameters max_megabytes 6
MOVIE = $(call ask,name_results(name_data(sys.argv[1])).movie)
ask = $(shell $(BIN)/python -c 'import sys; from animated.results import *; print($(1))' "$(DATA)")
else
MOVIE = movies/umap.mp4
endif

.PHONY: movie compare explorer extend test lab notebooks pictures bench clean help

movie: $(VENV)/installed  ## make movies/umap.mp4 (the default), or a movie of DATA, coloured by LABEL
	$(call execute,prepare.ipynb,$(PREPARE))
	$(call execute,visualize.ipynb,$(VISUALIZE))
	@echo "$(MOVIE) is ready: $$(($$(wc -c < "$(MOVIE)") / 1000)) kB"

compare: $(VENV)/compared  ## run compare, which makes the films of all methods
	$(call execute,compare.ipynb)
	@echo "movies/compare.mp4, movies/turn.mp4 and movies/tour.mp4 are ready"

explorer: $(VENV)/compared  ## run explore, which makes the interactive page movies/explorer.html
	$(call execute,explore.ipynb)
	@echo "movies/explorer.html is ready: $$(($$(wc -c < movies/explorer.html) / 1000)) kB"

extend: $(VENV)/installed  ## run extend: unseen points, labels, mixed types, any distance
	$(call execute,extend.ipynb)
	@echo "$(EXTENDED) are ready"

test: $(VENV)/tested  ## install what the tests need and run all of them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest

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

clean:  ## remove .venv, frames and caches, but nothing that is committed
	rm -rf $(VENV) data/cache data/*.arrow frames/*.png *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

help:  ## show this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## *(.*)/make \1	\2/' | expand -t 18

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "$(PYTHON) cannot make virtual environments; on Debian, install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/compared: $(VENV)/installed
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[pacmap]'
	@touch $@

$(VENV)/tested: $(VENV)/installed
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
