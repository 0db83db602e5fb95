# Two commands do everything, set-up included:
#   make book    builds the executed book: _build/html/index.html
#   make test    runs the unit tests and every notebook, and reads the book in a browser if there is a Chromium
# For those who write: make units, make chapters, make pages (the three parts of test), make lint, make pairs (do notebooks and
# texts agree?), make notebooks (texts into notebooks), make lock (renews requirements.txt), make colab-check (every notebook
# with the versions of Colab), make first-cell (as in Colab). make clean removes all that was set up and built.
# Tests and notebooks take all cores, or make CORES=1. On Linux, make TORCH=cpu sets up PyTorch for the CPU alone: 1 GB, not 7.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
NOTEBOOKS := $(basename $(notdir $(wildcard book/*.ipynb)))
TEXTS := $(basename $(notdir $(wildcard book/text/*.md)))
OUTPUTS := "output_type"|"execution_count": *[0-9]
CORES ?= auto
PYTEST = $(BIN)/python -m pytest --numprocesses $(CORES)
PIP = $(BIN)/pip install --quiet --disable-pip-version-check
TO_NOTEBOOK := $(BIN)/jupytext --quiet --from md:myst --to ipynb
TO_TEXT := $(BIN)/jupytext --quiet --from ipynb --to md:myst

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REPOSITORY := $(shell sed -n '/^repository:/,/url:/s/^  url: //p' _config.yml)
COLAB_PYTHON ?= python3.13
CHROMIUM := $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))

.PHONY: book test units chapters pages lint pairs notebooks lock colab-check first-cell clean

# The book shows what chapters ran. After a build that did not end well all pages are read anew: a warning is met until it is mended.
book: chapters
	@if [ -f _build/.built ]; then rm _build/.built; else rm -rf _build/.doctrees; fi
	@$(BIN)/jupyter-book build --quiet --warningiserror --keep-going .
	@touch _build/.built

test: units chapters pages

units: $(INSTALLED)
	@$(PYTEST) --dist worksteal tests --ignore tests/browser

# A notebook on each core, and each once: book/conftest.py says when one runs again.
chapters: $(INSTALLED)
	@echo "Running the notebooks: minutes the first time ..."
	@$(PYTEST) --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-current-env book

pages: $(if $(CHROMIUM),book)
ifdef CHROMIUM
	@$(PYTEST) --dist worksteal tests/browser
else
	@echo "pages: not read in a browser, since there is none: apt-get install chromium, or install Google Chrome"
endif

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@echo "lint: all is well"

pairs: $(patsubst %,pair/%,$(sort $(NOTEBOOKS) $(TEXTS)))
	@echo "pairs: all agree"

# Both sides are compared as texts made from a notebook, so that only content counts.
pair/%: $(INSTALLED)
	@for side in book/$*.ipynb book/text/$*.md; do [ -f $$side ] || { echo "$$side is missing: see CONTRIBUTING.md, Pairs."; exit 1; }; done
	@mkdir -p _build/pairs
	@if grep -qE '$(OUTPUTS)' book/$*.ipynb; then echo "book/$*.ipynb carries outputs: make notebooks clears them."; exit 1; fi
	@$(TO_TEXT) --output - < book/$*.ipynb > _build/pairs/$*.notebook.md
	@$(TO_NOTEBOOK) --output - < book/text/$*.md | $(TO_TEXT) --output - > _build/pairs/$*.text.md
	@diff -u _build/pairs/$*.notebook.md _build/pairs/$*.text.md || { echo "book/$*.ipynb and book/text/$*.md differ: see CONTRIBUTING.md, Pairs."; exit 1; }

notebooks: $(INSTALLED)
	@for name in $(TEXTS); do \
		if grep -qsE '$(OUTPUTS)' book/$$name.ipynb; then rm book/$$name.ipynb; fi; \
		$(TO_NOTEBOOK) --update --output book/$$name.ipynb book/text/$$name.md || exit 1; \
	done

# All extras but dask, which neither the book nor its tests need.
lock: $(INSTALLED)
	@$(BIN)/uv pip compile --quiet $(UPGRADE) pyproject.toml --extra dev --extra inception --extra test \
		--universal --python-version 3.11 --no-header --generate-hashes -o requirements.txt

# A new environment with the versions of Colab (tests/colab.txt), in which the first cell's install and every notebook must pass.
colab-check:
	rm -rf .colab
	$(COLAB_PYTHON) -m venv .colab
	.colab/bin/pip install --quiet --disable-pip-version-check -r tests/colab.txt nbval pytest-xdist
	@$(MAKE) first-cell chapters BIN=.colab/bin INSTALLED=

# Runs the first cell of a notebook as Colab does. Its address leads to the last commit here, tagged as the cell wants it.
first-cell:
	rm -rf _build/first_cell && mkdir -p _build/first_cell
	git clone --quiet --bare . _build/first_cell/repository
	git -C _build/first_cell/repository tag --force v$(VERSION) > /dev/null
	$(BIN)/python -m pip freeze > _build/first_cell/before
	GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.file://$(CURDIR)/_build/first_cell/repository.insteadOf \
		GIT_CONFIG_VALUE_0=$(REPOSITORY) $(BIN)/python tests/book/run_first_cell.py book/01_neural_networks.ipynb
	$(BIN)/python -m pip freeze > _build/first_cell/after
	! diff _build/first_cell/before _build/first_cell/after | grep '^<' # what was there is still there, in the same version

clean:
	rm -rf .venv .colab _build

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.version_info < (3, 11) and sys.exit("The course needs Python 3.11 or newer and found " + v + ": name another one with make PYTHON=python3.13")'
	@echo "Setting up .venv: a few GB of packages, minutes the first time ..."
	@$(PYTHON) -m venv .venv
ifeq ($(TORCH),cpu)
	@$(PIP) --index-url https://download.pytorch.org/whl/cpu $$(grep -oE '^torch(vision)?==[0-9.]+' requirements.txt)
	@sed -E '/^(cuda|nvidia|triton)/,/[^\]$$/d' requirements.txt | $(PIP) --require-hashes -r /dev/stdin
else
	@$(PIP) --require-hashes -r requirements.txt
endif
	@$(PIP) --no-deps --no-build-isolation --editable . # by the setuptools of requirements.txt
	@mkdir -p .venv/etc/ipython # kernels warn that they listen on this machine without encryption: quiet below errors
	@echo "c.IPKernelApp.log_level = 'ERROR'" > .venv/etc/ipython/ipython_kernel_config.py
	@touch $@
