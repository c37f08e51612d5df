PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check format networks fuzz faults mutants bench-layer bench-fold bench-export bench-int8 evidence clean

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[demo,dev]"
	touch $@

demo: $(INSTALLED)
	$(BIN)/fleras demo --overwrite

test: check
	$(BIN)/python -m pytest -n 2 -m "not networks and not fuzz and not faults"

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

networks: $(INSTALLED)
	$(BIN)/python -m pytest -m networks

fuzz: $(INSTALLED)
	$(BIN)/python -m pytest -m fuzz
	$(BIN)/python -m tests.export.fuzzing --minutes 60

faults: $(INSTALLED)
	$(BIN)/python -m pytest -m faults

mutants: $(INSTALLED)
	$(BIN)/python -m tests.mutants

bench-layer: $(INSTALLED)
	$(BIN)/python -m benchmarks.layer

bench-fold: $(INSTALLED)
	$(BIN)/python -m benchmarks.fold

bench-export: $(INSTALLED)
	$(BIN)/python -m benchmarks.export
	$(BIN)/python -m benchmarks.quantize

bench-int8: $(INSTALLED)
	$(BIN)/python -m benchmarks.int8 --peers build/peers --json benchmarks/results/int8.json

evidence: $(INSTALLED)
	$(BIN)/python -m benchmarks.evidence

clean:
	rm -rf $(VENV) .fuzzing .mypy_cache .pytest_cache .ruff_cache .hypothesis
