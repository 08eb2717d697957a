# A container of twinport: no root, a read-only root file system, one volume.
#
#   docker build --tag twinport .
#   docker run --read-only --volume twinport:/data --publish 127.0.0.1:4566:4566 twinport
#
# Accounts are closed unless TWINPORT_OPEN_ACCOUNTS=everywhere is given: docs/how-to/container.md.

# Any image with Python 3.11 or newer and its venv module.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY requirements/run.txt /build/
RUN python3 -m venv /opt/twinport \
    && /opt/twinport/bin/python -m pip install --no-cache-dir --require-hashes --requirement /build/run.txt
COPY pyproject.toml README.md LICENSE /build/
COPY src /build/src
RUN /opt/twinport/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation /build \
    && install --directory --mode 0700 /volume

FROM ${BASE}
LABEL org.opencontainers.image.title="twinport" \
      org.opencontainers.image.description="A self-hosted container registry that speaks Amazon ECR" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/twinport /opt/twinport
# A new named volume takes its owner and mode from this folder.
COPY --from=build --chown=10001:10001 /volume /data
ENV PATH=/opt/twinport/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    TWINPORT_DATA=/data \
    TWINPORT_LISTEN=0.0.0.0:4566
USER 10001:10001
VOLUME /data
EXPOSE 4566
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["twinport", "status", "--ready"]
ENTRYPOINT ["twinport"]
CMD ["serve"]
