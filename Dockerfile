# Two stages: the first installs, the second runs and holds neither compiler nor pip cache.
# For wheels of torch without CUDA, give PyTorch's CPU index: --build-arg PIP_EXTRA_INDEX_URL=...
FROM python:3.11-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL
# EXTRAS=[lti] for launches from learning platforms.
ARG EXTRAS=""
WORKDIR /build
RUN python -m venv /opt/assay
COPY constraints.txt pyproject.toml README.md ./
COPY app app
COPY grader grader
COPY migrations migrations
COPY reference_models reference_models
RUN /opt/assay/bin/pip install --no-cache-dir -c constraints.txt ".$EXTRAS"

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 assay \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin assay \
    && install -d -o assay -g assay /var/lib/assay
COPY --from=build /opt/assay /opt/assay
COPY LICENSE /usr/share/doc/assay/LICENSE
ENV PATH=/opt/assay/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ASSAY_HOST=0.0.0.0 \
    ASSAY_PORT=8000 \
    ASSAY_DATA_DIR=/var/lib/assay
USER assay
WORKDIR /var/lib/assay
VOLUME /var/lib/assay
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as ask; ask.urlopen(f'http://127.0.0.1:{os.environ[\"ASSAY_PORT\"]}/readyz', timeout=4)"]
ENTRYPOINT ["assay"]
CMD ["serve"]
