# Everything is done in .venv, which is made on the first run and brought up to date when the versions change:
# `make demo` installs speech3n alone, whatever tests and checks adds the rest.
# PYTHON=python3.12 make ... chooses another interpreter.

SHELL  := bash
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORE   := $(VENV)/.installed-core
STAMP  := $(VENV)/.installed
MODEL  := whisper-base
INPUTS := 10000
# What computes with the kernels that torch chooses by the processor (speech3n/runtime/processor.py).
NUMERIC := tests/layers tests/models tests/engines/gemma/test_processors.py
# Each process of tests computes with one thread, and takes one or two gigabytes.
WORKERS := --numprocesses logical --maxprocesses 4 --dist loadscope
CLIPS  := $(sort $(wildcard speech3n/examples/*.flac))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup weights demo test test-portable fuzz check format bench clean

help: ## Show the targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1:\2/p' $(MAKEFILE_LIST) | awk -F: '{printf "%-15s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv and install into it everything that tests and benchmarks need (once)

weights: $(CORE) ## Fetch the weights of Whisper base, 148 MB (once)
	@$(BIN)/speech3n models pull $(MODEL) >/dev/null

demo: export SPEECH3N_SESSIONS_DIR := $(CURDIR)/build/demo
demo: weights ## Caption real speech in five languages, and translate it to English
	@mkdir -p build
	@for clip in $(CLIPS); do \
	  echo; echo "== $$clip"; \
	  case "$$clip" in */en-*) translate= ;; *) translate=--translate ;; esac; \
	  $(BIN)/speech3n live "$$clip" $$translate --plain --pace max 2>build/demo.log || { cat build/demo.log >&2; exit 1; }; \
	done
	@echo
	@echo 'Your own speech and recordings:'
	@echo '  $(BIN)/speech3n live mic --translate'
	@echo '  $(BIN)/speech3n transcribe FILE --translate --format srt'

test: $(STAMP) weights check test-portable ## Run every check and every test
	@$(BIN)/python -m pytest $(WORKERS)

test-portable: $(STAMP) ## Run the numeric tests as on a processor without AVX-512, and as on one without AVX
	@ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(BIN)/python -m pytest $(WORKERS) $(NUMERIC)
	@ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 $(BIN)/python -m pytest $(WORKERS) $(NUMERIC)

fuzz: $(STAMP) ## Try 10,000 damaged and hostile inputs of every kind, or INPUTS=N; bad ones are kept in build/fuzz
	@SPEECH3N_FUZZ_INPUTS=$(INPUTS) $(BIN)/python -m pytest tests/fuzz --timeout 0

check: $(STAMP) ## Lint, format, types, direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## Measure what README's tables show, on SET=MANIFEST, nano's also on HELD_OUT=FOLDER (over two hours; resumable)
	@[ -n "$(SET)" ] || { \
	  echo 'Say on which clips: make bench SET=manifest.jsonl (SET=speech3n/examples/examples.jsonl is a short form).' >&2; \
	  echo "With HELD_OUT=folder, speech held out of nano's training, it fills nano's tables, too." >&2; exit 2; }
	@$(MAKE) --no-print-directory weights
	@$(BIN)/python -m speech3n.eval.bench "$(SET)"
	@[ -z "$(HELD_OUT)" ] || $(BIN)/python -m speech3n.eval.bench.nano --real "$(SET)" --synthetic "$(HELD_OUT)"

clean: ## Remove .venv and everything else that was made here (weights stay)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CORE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'speech3n needs Python 3.11 or newer, and "$(PYTHON)" is not one. Install it, or say: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '"$(PYTHON)" has no venv module. On Debian and Ubuntu: sudo apt install python3-venv' >&2; \
	  exit 1; }
	@[ -d speech3n/tui ] || { \
	  echo 'speech3n/tui is not a link here. Say: git config core.symlinks true && git checkout speech3n/tui speech3n/eval' >&2; \
	  exit 1; }
	@echo 'Installing speech3n into $(VENV): a minute or two, 0.6 GB.'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(call install,.)

$(STAMP): $(CORE)
	@echo 'Installing what tests and benchmarks need beside it, most of it PyTorch: a few minutes, 5 GB.'
	$(call install,.[dev])

# Shows each large download as it begins; what goes wrong is shown whole.
define install
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
	  -c constraints.txt -e '$(1)' | awk '/Downloading .* MB\)/ { print "  " $$2, $$3, $$4; fflush() } \
	                                      /^Installing collected/ { print "  unpacking"; fflush() }'
	@touch $@
	@echo 'Installed.'
endef
