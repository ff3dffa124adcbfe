# What is needed on the machine: python3 (3.11 or newer) with its venv module, make and git;
# for test-real gcc and g++ as well. Everything else comes from the package registries.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BUILD := build
VENV := $(BUILD)/venv
DEMO := $(BUILD)/venv-demo
BENCHMARK := $(BUILD)/venv-benchmark
PUBLISH := $(BUILD)/venv-publish
TREE := $(abspath $(BUILD))/tree
HERE := $(TREE)/ansible_collections/flowops/n8n
IN_TREE := ANSIBLE_COLLECTIONS_PATH=$(TREE) PYTHONPATH=$(TREE)
PYTEST := $(IN_TREE) $(VENV)/bin/python -m pytest -q

.PHONY: help
help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(DEMO)/ready ## Install the collection and run the main job against the simulator
	rm -rf $(BUILD)/artifact $(DEMO)/collections
	$(DEMO)/bin/ansible-galaxy collection build --output-path $(BUILD)/artifact
	$(DEMO)/bin/ansible-galaxy collection install $(BUILD)/artifact/flowops-n8n-*.tar.gz -p $(DEMO)/collections
	ANSIBLE_COLLECTIONS_PATH=$(abspath $(DEMO))/collections $(DEMO)/bin/python -m tests.demo

.PHONY: test
test: ## Lint, sanity and units, fault, contract and integration tests on the simulator; the artifact and the site
	@# Each of these keeps one processor busy.
	$(MAKE) --jobs 2 --output-sync=target lint artifact docs
	$(MAKE) sanity units faults contract integration

.PHONY: test-real
test-real: $(VENV)/ready $(HERE) ## Contract, integration and fault tests on real n8n, installed into a cache on the way
	$(VENV)/bin/python -m tests.lab.install
	$(PYTEST) tests/contract tests/integration tests/faults --servers real -n 2 --dist loadgroup

.PHONY: test-events
test-events: $(VENV)/events $(HERE) ## The event source and the rulebooks under ansible-rulebook, on the simulator and on real n8n; needs Java 17
	$(VENV)/bin/python -m tests.lab.install
	$(PYTEST) tests/events -n 2 --servers newest
	$(PYTEST) tests/events --servers real -n 2 --dist loadgroup

.PHONY: test-report
test-report: $(VENV)/browser-ready $(HERE) ## The report in Debian's Chromium: network, names, phone, dark, print, keyboard
	$(VENV)/bin/mypy -p tests.browser
	$(PYTEST) tests/browser

.PHONY: screenshots
screenshots: test-report ## Take the pictures of the report in docs/report anew
	mkdir -p docs/report
	cp $(BUILD)/report/*.png docs/report

.PHONY: soak
soak: $(VENV)/ready $(HERE) ## Ten thousand trials in which something goes wrong, and a day of the event source (over an hour), write docs/reliability.md
	$(VENV)/bin/python -m tests.lab.install
	N8N_LOOKS=8640 $(PYTEST) tests/faults/test_load.py
	$(IN_TREE) $(VENV)/bin/python -m tests.faults

.PHONY: benchmark
benchmark: $(VENV)/ready $(BENCHMARK)/ready $(HERE) ## Measure the collection beside its peers (hours), write docs/performance.md
	$(VENV)/bin/python -m tests.lab.install 2.41.1
	$(IN_TREE) $(VENV)/bin/python -m tests.benchmark

.PHONY: lint
lint: $(VENV)/ready $(HERE) ## ansible-lint, yamllint, ruff, mypy, changelog
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	cd $(TREE) && $(abspath $(VENV))/bin/mypy --config-file $(abspath pyproject.toml) -p ansible_collections.flowops.n8n.plugins -p ansible_collections.flowops.n8n.extensions
	$(VENV)/bin/mypy -p tests.benchmark -p tests.contract -p tests.events -p tests.faults -p tests.integration -p tests.lab -p tests.publish -p tests.simulator -m tests.ansible_test -m tests.checkout -m tests.cores -m tests.demo -m tests.examples -m tests.servers
	$(VENV)/bin/yamllint --strict .
	$(VENV)/bin/antsibull-changelog lint
	PATH="$(abspath $(VENV))/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH=$(TREE) $(VENV)/bin/ansible-lint --offline --strict --profile production
	$(VENV)/bin/python -m tests.examples $(BUILD)/examples.yml
	PATH="$(abspath $(VENV))/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH=$(TREE) $(VENV)/bin/ansible-lint --offline --strict --profile production $(BUILD)/examples.yml

.PHONY: sanity
sanity: $(VENV)/ready ## ansible-test sanity on the oldest and newest supported ansible-core, its units on the modules' oldest Python
	$(VENV)/bin/python -m tests.ansible_test

.PHONY: unit
unit: $(VENV)/ready $(HERE) ## Unit tests by plain pytest, the inner loop
	$(PYTEST) tests/unit -n 2

.PHONY: units
units: $(VENV)/ready $(HERE) ## The same on the oldest supported ansible-core, and on the newest what ansible-test leaves out on a module's Python
	$(IN_TREE) $(VENV)/bin/python -m tests.cores oldest pytest -q tests/unit -n 2
	$(IN_TREE) $(VENV)/bin/python -m tests.cores newest pytest -q tests/unit/plugins/filter tests/unit/plugins/lookup tests/unit/extensions

.PHONY: coverage
coverage: $(VENV)/ready $(HERE) ## Which lines of the plugins the unit tests leave out
	$(IN_TREE) COVERAGE_FILE=$(BUILD)/coverage $(VENV)/bin/python -m coverage run -m pytest -q tests/unit
	COVERAGE_FILE=$(BUILD)/coverage $(VENV)/bin/python -m coverage report

.PHONY: faults
faults: $(VENV)/ready $(HERE) ## Every verb while something goes wrong, held against the simulator's database
	$(PYTEST) tests/faults -n 6

.PHONY: contract
contract: $(VENV)/ready $(HERE) ## What n8n really does, held against the simulator
	$(PYTEST) tests/contract -n 2

.PHONY: integration
integration: $(VENV)/ready $(HERE) ## Every module from playbooks, on the oldest and newest supported ansible-core, against the simulator
	$(IN_TREE) $(VENV)/bin/python -m tests.integration

.PHONY: artifact
artifact: $(PUBLISH)/ready ## What is published, into build/artifact, as Galaxy imports it and as ansible-doc shows it
	rm -rf $(BUILD)/artifact
	$(PUBLISH)/bin/python -m tests.publish

.PHONY: docs
docs: $(PUBLISH)/ready $(HERE) ## The documentation site, into build/site
	rm -rf $(BUILD)/docs $(BUILD)/site
	mkdir -p -m 755 $(BUILD)/docs $(BUILD)/docs/reference
	cp -R --parents README.md SECURITY.md LICENSE docs extensions roles/*/README.md $(BUILD)/docs
	cp docs/site/index.md $(BUILD)/docs
	PATH="$(abspath $(PUBLISH))/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH=$(TREE) $(PUBLISH)/bin/antsibull-docs --config-file docs/site/antsibull-docs.cfg collection --use-current --squash-hierarchy --fail-on-error --dest-dir $(BUILD)/docs/reference flowops.n8n
	$(PUBLISH)/bin/sphinx-build --quiet --fail-on-warning --keep-going --doctree-dir $(BUILD)/docs/.doctrees --conf-dir docs/site $(BUILD)/docs $(BUILD)/site

.PHONY: release
release: $(VENV)/ready ## Prepare a release: make release VERSION=1.1.0 writes version and changelog, and checks what is published
	@[[ "$(VERSION)" =~ ^[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "say which: make release VERSION=1.1.0" >&2; exit 2; }
	@[ -z "$$(git status --porcelain)" ] || { echo "commit first what git status shows" >&2; exit 2; }
	sed -i 's/^version: .*/version: $(VERSION)/' galaxy.yml
	PATH="$(abspath $(VENV))/bin:$$PATH" $(VENV)/bin/antsibull-changelog release
	$(MAKE) lint docs artifact
	@echo "Look through CHANGELOG.md, commit, tag $(VERSION), and publish what is in $(BUILD)/artifact."

.PHONY: clean
clean: ## Remove what was made; the cache of real servers stays
	rm -rf $(BUILD)

$(VENV)/ready: tests/requirements.txt tests/integration/requirements.txt tests/simulator/requirements.txt tests/unit/requirements.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement tests/requirements.txt
	touch $@

$(VENV)/events: $(VENV)/ready tests/events/requirements.txt
	$(VENV)/bin/python -m pip install --quiet --requirement tests/events/requirements.txt
	touch $@

# Some 50 MB that only the tests of the report need.
$(VENV)/browser-ready: $(VENV)/ready tests/browser/requirements.txt
	$(VENV)/bin/python -m pip install --quiet --requirement tests/browser/requirements.txt
	touch $@

$(DEMO)/ready: tests/simulator/requirements.txt
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet ansible-core requests --requirement tests/simulator/requirements.txt
	touch $@

$(BENCHMARK)/ready: tests/benchmark/requirements.txt
	$(PYTHON) -m venv --clear $(BENCHMARK)
	$(BENCHMARK)/bin/python -m pip install --quiet --requirement tests/benchmark/requirements.txt
	touch $@

$(PUBLISH)/ready: tests/publish/requirements.txt
	$(PYTHON) -m venv --clear $(PUBLISH)
	$(PUBLISH)/bin/python -m pip install --quiet --requirement tests/publish/requirements.txt
	touch $@

# A tree in which Ansible finds the checkout as a collection.
$(HERE):
	mkdir -p $(@D)
	ln -sfn $(CURDIR) $@
