#!/usr/bin/env bash
# Builds what is handed on, target/release/proofmark: with no path of this machine in it and without what a debugger wants, so that the same commit, compiler and headers
# give the same bits wherever it is built.
set -euo pipefail
cd "$(dirname "$0")/.."
crates=${CARGO_HOME:-$HOME/.cargo}
export RUSTFLAGS="--remap-path-prefix=$PWD=/proofmark --remap-path-prefix=$crates=/cargo"
export CFLAGS="-ffile-prefix-map=$PWD=/proofmark -ffile-prefix-map=$crates=/cargo"
export CARGO_PROFILE_RELEASE_DEBUG=false
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
exec cargo build --release --locked -p proofmark-cli
