# syntax=docker/dockerfile:1

# --- build: every wheel is checked against the lock's hashes; the product then installs from those wheels alone
FROM python:3.11.14-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements.lock ./
RUN pip wheel --require-hashes -r requirements.lock --wheel-dir /wheels \
 && pip install --no-index --find-links /wheels --upgrade setuptools

COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
COPY migrations/ migrations/
# the lock also holds what tests need; only what the product depends on is taken from the wheels
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/ponte \
 && pip --python /opt/ponte/bin/python install --no-index --find-links /wheels ponte

# --- run: no compiler, no pip, no root
FROM python:3.11.14-slim-bookworm AS run

LABEL org.opencontainers.image.title="Ponte" \
      org.opencontainers.image.description="Keeps the ERP Omie and the CRM Ploomes equal" \
      org.opencontainers.image.licenses="MIT"

RUN python -m pip uninstall --yes --quiet --root-user-action ignore setuptools wheel pip \
 && groupadd --system --gid 10001 ponte \
 && useradd --system --uid 10001 --gid ponte --home-dir /srv/ponte --shell /usr/sbin/nologin ponte \
 && install --directory --owner ponte --group ponte /srv/ponte /srv/ponte/data

COPY --from=build /opt/ponte /opt/ponte

ENV PATH=/opt/ponte/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 LOG_FORMAT=json
WORKDIR /srv/ponte
USER ponte
VOLUME /srv/ponte/data
EXPOSE 8000

# ready, not only alive: a process that cannot reach its database takes no traffic
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/ready', timeout=4)"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["ponte"]
CMD ["serve"]
