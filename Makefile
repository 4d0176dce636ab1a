# Each target makes the virtual environment it needs by itself.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= results/demo

.PHONY: demo test check lint types benchmark validation clean

demo: $(VENV)/.installed
	$(BIN)/connectsim run lossy_wan --out $(OUT) --force
	$(BIN)/connectsim plot $(OUT)

test: $(VENV)/.installed
	$(BIN)/python -m pytest

check: lint types test

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

benchmark: $(VENV)/.installed
	$(BIN)/python -m benchmarks.handshakes

# What setup.py compiles; a change there installs anew.
COMPILED := $(addprefix sim/,bulk.py calendar.py packet.py engine.py host.py records.py \
	socket.py timers.py) \
	$(addprefix sim/net/,link.py node.py queued.py queues.py wire.py) $(wildcard sim/tcp/*.py)

validation: $(VENV)/.installed
	$(BIN)/python -m benchmarks.validation

$(VENV)/.installed: pyproject.toml constraints.txt setup.py $(COMPILED)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) results build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
