# The OET in a container: server, client, and what scripts from git need. `make oci-build` builds it.

FROM debian:trixie-slim AS build
# No version: what Debian has mended since must reach the image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/build \
    && python3 -m venv --without-pip /opt/oet
COPY requirements /source/requirements
# What was locked, and no file but those whose hashes are known. Compiled here, since nothing can be written later.
RUN /opt/build/bin/pip install --no-cache-dir --only-binary :all: \
        --require-hashes --requirement /source/requirements/build.txt \
    && /opt/build/bin/pip --python /opt/oet/bin/python install --no-cache-dir --compile --only-binary :all: \
        --require-hashes --requirement /source/requirements/server.txt
COPY setup.cfg setup.py pyproject.toml README.md /source/
COPY ska_oso_oet_client /source/ska_oso_oet_client
COPY ska_oso_oet /source/ska_oso_oet
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels \
        /source/ska_oso_oet_client /source \
    && /opt/build/bin/pip --python /opt/oet/bin/python install --no-cache-dir --compile \
        --no-deps --no-index --find-links /wheels ska_oso_oet ska_oso_oet_client \
    && /opt/build/bin/cyclonedx-py environment --output-reproducible \
        --output-file /opt/oet/sbom.cdx.json /opt/oet/bin/python

FROM debian:trixie-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --user-group --create-home --home-dir /var/lib/oet --shell /usr/sbin/nologin oet
COPY --from=build /opt/oet /opt/oet

ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="ska-oso-oet" \
      org.opencontainers.image.description="Observation Execution Tool: runs observing scripts for one telescope subarray" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

# Whoever runs it says who may command it (OET_AUTH_ISSUER, or OET_AUTH=off): the server refuses to
# start beyond loopback without. `oet` in the container needs no address.
ENV PATH="/opt/oet/bin:$PATH" \
    HOME="/var/lib/oet" \
    OET_STATE_DIR="/var/lib/oet/state" \
    OET_HOST="0.0.0.0" \
    OET_PORT="5000" \
    OET_URL="http://127.0.0.1:5000/ska-oso-oet/oet/{SUBARRAY_ID}/api/v1"

USER 1000:1000
WORKDIR /var/lib/oet
VOLUME /var/lib/oet
EXPOSE 5000
HEALTHCHECK --start-period=30s --interval=30s --timeout=5s --retries=6 \
    CMD ["python", "-c", \
         "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['OET_PORT'] + '/livez', timeout=4)"]
# It handles SIGTERM, and reaps what is left to process 1.
CMD ["oet-server"]
