#!/usr/bin/env bash
# What is handed on: release.sh PROOFMARK. Puts the program, a list of all that is built into it (CycloneDX 1.5, JSON), a list of the libraries that it is linked to
# and the licences of both into target/dist, with SHA-256 of each. Installs cargo-cyclonedx and cargo-deny into target/tools if they are not there.
set -euo pipefail
bin=$(realpath "${1:?usage: release.sh PROOFMARK}")
cd "$(dirname "$0")/.."
tools=$PWD/target/tools dist=$PWD/target/dist
export PATH=$tools/bin:$PATH
need() { command -v "$1" >/dev/null || cargo install -q --locked --root "$tools" "$1@$2"; }
need cargo-cyclonedx 0.5.9
need cargo-deny 0.20.2
rm -rf "$dist"
mkdir -p "$dist"
# Without what a debugger wants of it, which is five sixths.
strip -o "$dist/proofmark" "$bin"
cp LICENSE-MIT LICENSE-APACHE docs/LICENSING.md "$dist/"
# The tool writes beside each manifest.
cargo cyclonedx --manifest-path cli/Cargo.toml --format json --spec-version 1.5 --override-filename proofmark.cdx --quiet
mv cli/proofmark.cdx.json "$dist/proofmark.cdx.json"
find . -name proofmark.cdx.json -not -path './target/*' -delete
cargo deny --locked list --format json --layout crate > "$dist/licences.json"
# What the system's libraries are, and under which licence libav says that it was built.
ldd "$dist/proofmark" | awk '{print $1}' | sort -u > "$dist/libraries.txt"
{ ffmpeg -hide_banner -L | head -4; ffmpeg -hide_banner -buildconf | grep -oE -- '--enable-(gpl|version3|nonfree|libx264|libx265)' || true; } > "$dist/libav.txt" 2>/dev/null
(cd "$dist" && sha256sum -- * > SHA256SUMS)
ls -l "$dist"
