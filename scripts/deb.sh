#!/usr/bin/env bash
# The Debian package, with man pages and completions: deb.sh PROOFMARK. Takes the list of materials and the licences from target/dist, where release.sh puts them, and leaves
# the package there. Installs cargo-deb into target/tools if it is not there.
set -euo pipefail
bin=$(realpath "${1:?usage: deb.sh PROOFMARK}")
cd "$(dirname "$0")/.."
tools=$PWD/target/tools made=$PWD/target/release/deb dist=$PWD/target/dist
export PATH=$tools/bin:$PATH
command -v cargo-deb >/dev/null || cargo install -q --locked --root "$tools" cargo-deb@3.8.0
rm -rf "$made"
mkdir -p "$made"
cp "$dist/proofmark.cdx.json" "$dist/licences.json" "$made/"
"$bin" man -o "$made/man"
"$bin" completions bash > "$made/proofmark.bash"
"$bin" completions zsh > "$made/_proofmark"
"$bin" completions fish > "$made/proofmark.fish"
# What was built is packed, without what a debugger wants of it, which is five sixths.
cargo deb --manifest-path cli/Cargo.toml --no-build --strip --locked --output "$dist/"
ls -l "$dist"/*.deb
