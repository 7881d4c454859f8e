#!/usr/bin/env bash
# Builds what is handed on, target/release/proofmark: build.sh [OPTIONS OF CARGO]. No path of this machine is in it, and nothing that a debugger wants, so that the same
# commit, compiler and headers give the same bits wherever it is built.
set -euo pipefail
cd "$(dirname "$0")/.."
crates=${CARGO_HOME:-$HOME/.cargo}
export RUSTFLAGS="--remap-path-prefix=$PWD=/proofmark --remap-path-prefix=$crates=/cargo"
export CFLAGS="-ffile-prefix-map=$PWD=/proofmark -ffile-prefix-map=$crates=/cargo"
export CARGO_PROFILE_RELEASE_DEBUG=false
exec cargo build --release --locked -p proofmark-cli "$@"
