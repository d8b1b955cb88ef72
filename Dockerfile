# A server of voice agents: `vision-agents serve`. Your program goes to /app, as in
#
#   docker build -t my-agents --build-arg EXTRAS=serve,local,deepgram,elevenlabs .
#   docker run --network host -e VISION_AGENTS_SECRET -v ./mine.py:/app/mine.py:ro -v models:/models \
#       my-agents serve mine:my_agent --host 0.0.0.0
#
# Callers by WebRTC send their audio to any UDP port: hence the host's network.

FROM python:3.12-slim AS build
ARG EXTRAS=serve,local
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
# What it needs changes less often than what it is: the layer is kept as long as these files are the same.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir -p src/vision_agents \
    && pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"
COPY src ./src
RUN pip install --no-cache-dir --no-deps --force-reinstall .

FROM python:3.12-slim
# The only library that the wheels do not bring, llama.cpp's threads; and what KubeRay asks for its cluster's health with.
# hadolint ignore=DL3008,SC2016
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 wget \
    && rm -rf /var/lib/apt/lists/* \
    && echo 'export PATH=/opt/venv/bin:$PATH' > /etc/profile.d/venv.sh
RUN useradd --uid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin agents \
    && mkdir -p /app /models \
    && chown agents /models
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    VISION_AGENTS_MODELS=/models
WORKDIR /app
USER 10001
VOLUME /models
EXPOSE 8000
# Where the server is asked whether it is alive: with --port or --tls-cert say so here (-e VISION_AGENTS_HEALTH=https://…).
ENV VISION_AGENTS_HEALTH=http://127.0.0.1:8000/health
# Models are fetched before the first call: that may take minutes. A certificate is not one of 127.0.0.1.
HEALTHCHECK --start-period=5m --interval=10s --timeout=3s --retries=3 \
    CMD ["python", "-c", "import os, ssl, urllib.request as r; \
r.urlopen(os.environ['VISION_AGENTS_HEALTH'], timeout=2, context=ssl._create_unverified_context())"]
# SIGTERM drains: running calls go on. Give the container as long as they may: docker stop --time 3700.
STOPSIGNAL SIGTERM
ENTRYPOINT ["vision-agents"]
CMD ["serve", "--host", "0.0.0.0"]
