# The program with server and PostgreSQL, and the libraries that it runs with: nothing of a compiler.
#
#   docker build -t proofmark .
#   docker run --init -p 8473:8473 -v proofmark:/var/lib/proofmark proofmark
#   docker run --rm --init -v "$PWD:/clips:ro" proofmark verify /clips/upload.mp4
#
# Whoever hands such an image on owes the GPL's source offer for Debian's libav: docs/LICENSING.md.
ARG RUST=docker.io/library/rust:1.95-bookworm
ARG DEBIAN=docker.io/library/debian:bookworm-slim

FROM ${RUST} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        clang libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev \
        libswscale-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p proofmark-cli \
    && install -D -s target/release/proofmark /out/usr/bin/proofmark \
    && install -D -m 644 -t /out/usr/share/doc/proofmark \
        LICENSE-APACHE LICENSE-MIT docs/LICENSING.md

FROM ${DEBIAN}
LABEL org.opencontainers.image.title="proofmark" \
    org.opencontainers.image.description="Provenance for generated video" \
    org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND GPL-3.0-or-later"
# libavfilter is loaded by its name, by evaluate alone.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libavcodec59 libavfilter8 libavformat59 libavutil57 libswresample4 \
        libswscale6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/proofmark \
        --shell /usr/sbin/nologin proofmark \
    && install -d -m 700 -o proofmark -g proofmark /var/lib/proofmark
COPY --from=build /out/ /
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
ENV PROOFMARK_HOME=/var/lib/proofmark \
    PROOFMARK_LISTEN=0.0.0.0:8473
WORKDIR /var/lib/proofmark
EXPOSE 8473
# Of the server: a command has ended before it is asked. Kubernetes asks by itself, see deploy/.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8473 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["proofmark"]
CMD ["serve"]
