# Everything a person or a machine does here. A fresh machine needs Python 3.11 or 3.12, and make.
.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
PY := .venv/bin/python
RUN := .venv/run.stamp
DEV := .venv/dev.stamp
# What a person cannot wait for, or what needs a browser, is not part of `test`.
QUICK := not soak and not browser and not recorded and not chdb and not campaign and not kafka and not mocks
WHOLE := not soak and not browser
# A file's tests stay in one of two processes, since they share what they start; what measures time runs by itself.
BOTH := -n 2 --dist loadfile

.PHONY: help demo test check lint types imports units generate soak changelog clean kafka-demo kafka-up kafka-down

help: ## say what each target does
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: $(RUN) ## run the fixture pack through everything, explain one decision, write a report
	@$(PY) -m cli.demo

kafka-demo: $(RUN) ## the same over a real Apache Kafka, with a program for each part; stops everything it started
	@$(PY) -m scripts.kafka_demo

check: lint types imports units ## lint, types, import rules, laws and unit tests; at most 3 minutes

kafka-up: $(RUN) ## start a local Apache Kafka in build/kafka/broker, make the paper topics, say how to reach it
	@$(PY) -m scripts.kafka_local up

kafka-down: $(RUN) ## stop it; what it holds stays
	@$(PY) -m scripts.kafka_local down

test: lint types imports $(DEV) ## everything that CI runs; at most 15 minutes on two cores
	$(PY) -m pytest -q $(BOTH) -m "$(WHOLE) and not alone"
	$(PY) -m pytest -q -m "$(WHOLE) and alone"

soak: $(DEV) ## the long tests, and the laws over many drawn examples
	POLYTRADERS_LAWS=soak $(PY) -m pytest tests/laws
	$(PY) -m pytest -m "soak or browser"

lint: $(DEV) ## style, unused names, unused dependencies, generated files up to date
	$(PY) -m ruff check .
	$(PY) -m deptry .
	$(PY) -m scripts.generate --check

types: $(DEV) ## mypy, strict
	$(PY) -m mypy

imports: $(DEV) ## who may import whom
	.venv/bin/lint-imports --no-cache

units: $(DEV) ## laws and unit tests without the embedded store, recorded data, mock venues or campaigns
	$(PY) -m pytest -q $(BOTH) -m "$(QUICK) and not alone"

generate: $(RUN) ## make every generated file from its source
	$(PY) -m scripts.generate

changelog: $(DEV) ## join the fragments into CHANGELOG.md: make changelog VERSION=x.y.z
	@test -n "$(VERSION)" || { echo "say which: make changelog VERSION=x.y.z"; exit 2; }
	.venv/bin/towncrier build --yes --version "$(VERSION)"

clean: ## remove everything that these targets made, the environment included
	rm -rf .venv build dist demo runs reports .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements/run.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh requirements/run.txt
	@touch $@

# The lock file of the checks holds that of the run, so one install serves both.
$(DEV): requirements/dev.txt requirements/run.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh requirements/dev.txt
	@touch $(RUN) $@
