# make dev    the whole thing on this machine: emulator, gateway, worker
# make test   everything that CI checks
#
# Needs Python >= 3.11 and the package index. Everything else is made in .venv (and .tools, where uv is not installed).

PYTHON ?=
run = .venv/bin/python -m

# The shell that calls make has its own environments, paths and settings; none of them is this project's business.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS MYPYPATH
# Without compiled modules every process compiles them anew: 2.5 seconds of CPU each, and of processes the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTEST_ADDOPTS PYTEST_PLUGINS PIP_USER PIP_TARGET PIP_PREFIX
unexport UV_PROJECT UV_PROJECT_ENVIRONMENT UV_SYSTEM_PYTHON UV_PYTHON UV_NO_DEV UV_FROZEN

export UV_NO_CONFIG := 1
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON_PREFERENCE := only-system
# The machine's own certificates, where it has any: a company's proxy is known to them and not to uv's.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= 1
endif
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.DEFAULT_GOAL := help
workers = -n auto --dist worksteal -m 'not full'

.PHONY: help env dev demo test unit integration acceptance simulation reliability processes faults simulate compare fuzz bench bench-peers lint format generate clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

env:  ## make .venv as uv.lock says (every target below does it first)
	@tools/environment.sh $(PYTHON)

dev: env  ## emulator, gateway and worker on SQLite, until Ctrl-C
	@exec .venv/bin/frontdoor dev

demo: env  ## a patient's whole journey against a stack of its own
	@exec .venv/bin/frontdoor demo

test: env  ## everything that CI checks, and what each stage costs: lint, format, layers, generated client, types, tests
	@$(run) tools.check

unit: env  ## of the tests those without I/O
	@$(run) pytest tests/unit $(workers)

integration acceptance simulation reliability: env
	@$(run) pytest tests/$@ $(workers)

integration:  ## one adapter at a time against the real thing
acceptance:  ## what an app can ask, over the public API
simulation:  ## the checkout under every fault, on virtual time
reliability:  ## processes that are killed, frozen and raced; without those too long for `make test`

lint: env  ## what `make test` does without the tests
	@$(run) tools.check --without tests

processes: env  ## every test with real processes, those too long for `make test` as well
	@$(run) pytest tests/reliability -n auto --maxprocesses 2

faults: env  ## the whole simulation, with the faults of every journey that are too many for `make test`
	@$(run) pytest tests/simulation -n auto --maxprocesses 2

simulate: env  ## N random schedules from SEED on: faults on virtual time, the books checked after each (N=1000 SEED=0)
	@$(run) tests.simulation.run --schedules $(or $(N),1000) --seed $(or $(SEED),0)

compare: env  ## answer N random operations as the product does and as graphql-core alone does, and compare (N=20000 SEED=0)
	@$(run) tests.unit.execution.run --documents $(or $(N),20000) --seed $(or $(SEED),0)

fuzz: env  ## let schemathesis look for requests that break the API, as each kind of caller (SECONDS=60 SEED=1)
	@$(run) tools.fuzz --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

bench: env  ## measure, and write the figures into docs/reliability.md (takes minutes)
	@$(run) benchmarks.run
	@$(run) benchmarks.report

bench-peers: env  ## compare with other servers, and write the figures into docs/performance.md (most of an hour; needs cc, node and npm)
	@$(run) benchmarks.peers.record
	@$(run) benchmarks.peers.report

format: env  ## rewrite the code as the linter wants it
	@$(run) ruff check --fix-only --quiet .
	@$(run) ruff format .

generate: env  ## write the typed Healthie client again from its operation files
	@$(run) tools.generate_client

clean:  ## remove what these targets made, .venv included
	rm -rf .venv .tools .frontdoor .bench dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
