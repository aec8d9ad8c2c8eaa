# The only door. `make` or `make help` lists what it opens.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
bin := .venv/bin
S ?= all

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready ## create the environment (.venv) from requirements.lock

.venv/ready: requirements.lock pyproject.toml shared/*/pyproject.toml services/*/pyproject.toml infra/local/pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { echo "Depesha needs Python 3.11 or newer with venv; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=…" >&2; exit 1; }
	@[ -x $(bin)/python ] || $(PYTHON) -m venv .venv
	@$(bin)/python -m pip install -q --disable-pip-version-check --require-hashes -r infra/local/bootstrap.lock
	@$(bin)/uv pip sync -q --compile-bytecode --require-hashes requirements.lock
	@$(bin)/uv pip install -q --no-deps $(foreach m,$(wildcard shared/* services/*) infra/local,-e $(m))
	@touch $@

run: .venv/ready bundle ## start the whole house and send four stories down the road
	@$(bin)/python -m stack run

test: .venv/ready bundle ## every fast test, on the embedded stack
	$(bin)/pytest

bundle: .venv/ready ## bundle the desk's scripts and styles; at once done where they are current
	@$(bin)/python -m desk.bundle

test-browser: .venv/ready bundle ## the desk in a real browser (Debian's chromium, or CHROMIUM=/path)
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; }
	DEPESHA_BROWSER=1 $(bin)/pytest services/desk/tests/browser -m browser

check: .venv/ready ## style, types, borders, locks and generated files
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy shared services infra/local/src
	$(bin)/lint-imports --no-logo
	@for m in shared/* services/* infra/local; do echo "deptry $$m"; (cd $$m && $(CURDIR)/$(bin)/deptry src >.deptry.log 2>&1 || { cat .deptry.log; exit 1; }; rm -f .deptry.log) || exit 1; done
	$(bin)/python -m contracts --check
	./infra/local/lock.sh --check
	./infra/supply/check.sh licences

format: .venv/ready ## let ruff put the code in order
	$(bin)/ruff check --fix --exit-zero -q .
	$(bin)/ruff format -q .

lock: ## write every requirements.lock again
	./infra/local/lock.sh

docs: .venv/ready ## write the generated pages again
	$(bin)/python -m contracts

bench: .venv/ready ## measure; `make bench S=road` one section
	$(bin)/python tests/bench/run.py $(S)

chaos: .venv/ready ## kill processes and engines under load for 10 minutes and count what is lost
	$(bin)/python tests/chaos/chaos.py --seconds 600 --docs docs

fuzz: .venv/ready bundle ## let schemathesis try every API for five minutes each, and atheris what reads a photo's words
	sh tests/fuzz/metadata.sh 300
	$(bin)/python tests/fuzz/fuzz.py --seconds 300 --examples 1000

compose-test: .venv/ready bundle ## build and run the composed system, and walk the road in it (needs Docker Engine)
	sh tests/compose/run.sh

supply: .venv/ready ## what we stand on: docs/licences.md, and a bill of materials an image in dist/sbom
	./infra/supply/check.sh

audit: .venv/ready ## known weaknesses of what we stand on, where the advisory database can be reached
	./infra/supply/check.sh audit

chart: .venv/ready ## lint the Kubernetes chart and render its golden file again (helm, or Go to get it)
	@command -v helm >/dev/null || [ -x "$$(go env GOPATH)/bin/helm" ] || go install helm.sh/helm/v3/cmd/helm@v3.22.0
	PATH="$$PATH:$$(go env GOPATH 2>/dev/null)/bin" sh infra/kubernetes/render.sh
	$(bin)/pytest -q infra/tests/test_chart.py

check-pages: .venv/ready ## let other tools judge the published pages (java, node, Chromium)
	@services/publication/tests/pages/check.sh $(ARGS)

restart: .venv/ready ## replace every process of the running house, one after another (make restart R=desk: only those)
	@$(bin)/depesha restart $(or $(R),all)

backup: .venv/ready ## copy the database and both buckets: make backup TO=folder
	@$(bin)/python -m stack backup $(or $(TO),$(error TO=folder is missing))

restore: .venv/ready ## put a backup back into the stopped stack: make restore FROM=folder
	@$(bin)/python -m stack restore $(or $(FROM),$(error FROM=folder is missing))

clean: ## forget the embedded stack's data (.depesha)
	rm -rf .depesha

.PHONY: chart restart backup restore supply audit fuzz check-pages help setup run test bundle test-browser check format lock docs bench chaos compose-test clean
