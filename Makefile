# Sets up .venv and calls what the README also shows by hand; nothing here is needed to use the
# project. `make` alone lists the targets.

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready

# Compiled files halve the start of every process; this variable, set on some machines, stops them.
unexport PYTHONDONTWRITEBYTECODE
# Albumentations asks the network for updates at each import.
export NO_ALBUMENTATIONS_UPDATE := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo story test lint format type bench docs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## make .venv with everything that the project needs

# bf16 doubles the speed of processors that have it and halves that of others.
BF16 := $(shell grep -q -m1 -E 'amx_bf16|avx512_bf16' /proc/cpuinfo 2>/dev/null && echo trainer.precision=bf16-mixed)

demo: $(READY) ## train a light SSD on drawn facades and show where its report is
	$(PYTHON) train.py experiment=demo $(BF16)
	@echo "Open the report: $$(find outputs -name report.html -exec ls -t {} + | head -n 1)"

# Of one call, so that the last lines name its own reports.
STORY := multirun/story/$(shell date +%Y-%m-%d_%H-%M-%S)
DETECTORS := model=ssd300_light,faster_rcnn,transvod_light

story: $(READY) ## train three detectors on drawn facades and drawn video and show where they are compared
	$(PYTHON) train.py -m experiment=story_facades $(DETECTORS) $(BF16) hydra.sweep.dir=$(STORY)/facades
	$(PYTHON) train.py -m experiment=story_video $(DETECTORS) $(BF16) hydra.sweep.dir=$(STORY)/video
	@echo "Pictures, in which nothing moves: $(STORY)/facades/report.html"
	@echo "Videos, whose classes show in motion alone: $(STORY)/video/report.html"

test: $(READY) ## run every test on two cores
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist loadfile

lint: $(READY) ## check style
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format: $(READY) ## rewrite files in the project's style
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

type: $(READY) ## check types
	$(PYTHON) -m mypy

bench: $(READY) ## run every measurement of benchmarks/ that needs no GPU
	@for file in $$(grep -l __main__ benchmarks/*.py | grep -v /gpu_); do \
	  echo "== $$file"; $(PYTHON) $$file || exit 1; done

docs: $(READY) ## check that links and files named in README and docs/ exist
	$(PYTHON) -m pytest -q tests/test_docs.py

# Runs again only when what is to be installed changes. uv installs several times faster than pip;
# where it is absent it goes into .venv, and where that fails pip does the work.
$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV): several GB, of which PyTorch is the most; minutes, once."
	@$(VENV)/bin/python -c 'import pip' 2>/dev/null || { \
	  for candidate in python3.13 python3.12 python3.11 python3 python; do \
	    $$candidate -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	      && exec $$candidate -m venv --clear $(VENV); \
	  done; \
	  echo "No Python >= 3.11 with the modules venv and ensurepip on PATH (looked for python3.13," \
	    "python3.12, python3.11, python3, python). Install one, e.g. apt-get install python3" \
	    "python3-venv, and call make again." >&2; exit 1; }
	@uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
	  $(PYTHON) -m pip install --quiet -c constraints.txt uv && uv=$(VENV)/bin/uv; \
	fi; \
	{ [ -n "$$uv" ] \
	    && "$$uv" pip install --python $(PYTHON) -c constraints.txt -e ".[dev]"; } \
	  || $(PYTHON) -m pip install -c constraints.txt -e ".[dev]"
	@touch $(READY)
