#!/usr/bin/env bash
# Stamps the test clip, does to it what an uploader does, and asks about both: scripts/demo.sh PROOFMARK
set -euo pipefail
bin=$(realpath "${1:?usage: demo.sh PROOFMARK}")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PROOFMARK_HOME=$work/home
cd "$work"
cp "$root/testdata/bigbuckbunny.mp4" clip.mp4
say() { printf '\n$ %s\n' "$*"; }

say proofmark init
"$bin" init
say proofmark stamp clip.mp4 -o stamped.mp4 --title "'A rabbit'"
"$bin" stamp clip.mp4 -o stamped.mp4 --title 'A rabbit'
say ffmpeg -i stamped.mp4 -map_metadata -1 -vf "crop=iw*0.8:ih*0.8,scale=-2:480" -crf 28 upload.mp4
ffmpeg -v error -nostdin -i stamped.mp4 -map_metadata -1 -vf "crop=iw*0.8:ih*0.8,scale=-2:480" -c:v libx264 -crf 28 upload.mp4
for f in stamped.mp4 upload.mp4; do
    say proofmark detect $f
    "$bin" detect $f
    say proofmark verify $f
    "$bin" verify $f
done
say proofmark registry list
"$bin" registry list
cat <<'LINES'

From Python:
  make wheel && pip install "$(ls target/wheels/proofmark-*.whl)[av]"
  python -c 'import proofmark as pm; print(pm.stamp("clip.mp4", "stamped.mp4", pm.Key.generate(), identity=pm.Identity.test()))'
docs/guide/python.md marks frames in memory.
LINES
