# Needed beforehand: Python 3.11 or newer with venv, and make. Every target may be repeated.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup browsers runtimes real-models quickstart setup-tests lint test check clean

help:
	@echo 'make quickstart   set up, measure configs/quickstart.yaml, print the tables'
	@echo 'make test         set up what the tests need, and run every check (also: make check)'
	@echo 'make lint         the checks that run nothing: ruff, mypy, lint-imports'
	@echo 'make setup        set up only'
	@echo 'make browsers     set up, with Firefox and WebKitGTK from the distribution'
	@echo 'make runtimes     set up, with LiteRT.js, onnxruntime-web and the GPU back ends of TF.js'
	@echo 'make real-models  set up, with BlazeFace as it was trained, for configs/blazeface-real.yaml'
	@echo 'make clean        remove what was set up'

setup:
	@$(PYTHON) -m installer run

browsers:
	@$(PYTHON) -m installer browsers

runtimes:
	@$(PYTHON) -m installer runtimes

real-models:
	@$(PYTHON) -m installer real-models

quickstart: setup
	@$(BIN)/edgebench run configs/quickstart.yaml

setup-tests:
	@$(PYTHON) -m installer test

lint: setup-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest

check: test

clean:
	rm -rf .venv node_modules .setup .models
