#!/usr/bin/env bash
# Whether what is handed on can be built again, bit for bit: reproducible.sh [WORK [OPTIONS OF CARGO]]. Builds what is committed twice, from nothing, in folders of different
# names, and compares both. Says which sections differ if any does, and fails then.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-target/reproducible}
shift || true
mkdir -p "$work"
work=$(realpath "$work")
built=()
for name in one another/and-longer; do
    rm -rf "${work:?}/$name"
    git clone -q . "$work/$name"
    "$work/$name/scripts/build.sh" "$@"
    strip -o "$work/${name%%/*}.stripped" "$work/$name/target/release/proofmark"
    built+=("$work/${name%%/*}.stripped")
done
sha256sum "${built[@]}"
# Whatever names a folder of this machine, or of the build's.
for path in "$work" "${CARGO_HOME:-$HOME/.cargo}" "$HOME/"; do
    echo "$path: in $(strings -a "${built[0]}" | grep -cF "$path" || true) strings of it"
done
cmp -s "${built[@]}" && { echo "the same, bit for bit"; exit 0; }
for section in $(readelf -SW "${built[0]}" | grep -oE '\] \.[a-z_.]+' | cut -c3-); do
    cmp -s <(objcopy -O binary --only-section="$section" "${built[0]}" /dev/stdout) <(objcopy -O binary --only-section="$section" "${built[1]}" /dev/stdout) || echo "differs: $section"
done
exit 1
