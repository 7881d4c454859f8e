#!/usr/bin/env bash
# Makes the committed corpus from real files: seeds.sh PROOFMARK ANSWER, the command and the example `answer`. Needs ffmpeg. Inputs of other names, which
# found faults, stay.
set -euo pipefail
proofmark=$(realpath "$1") answer=$(realpath "$2")
cd "$(dirname "$0")/corpus"
mkdir -p answer configuration key ledger manifest package registration request shown stamp still stream verify word
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PROOFMARK_HOME=$work/home
"$proofmark" init > /dev/null
ff() { ffmpeg -v error -nostdin -y "$@"; }
tiny=(-f lavfi -i testsrc2=size=176x144:rate=10 -f lavfi -i sine=frequency=440:sample_rate=8000)

cp "$PROOFMARK_HOME"/keys/*.key key/written
sed 's/^#= //' "$PROOFMARK_HOME/config.toml" > configuration/every-setting
printf '[limits]\npixels = 18446744073709551615\n[serve]\nkeep_hours = 18446744073709551615\nrate = 0\n' > configuration/large

ff "${tiny[@]}" -t 1 -c:v libx264 -crf 30 -c:a aac -b:a 16k "$work/a.mp4"
"$proofmark" stamp "$work/a.mp4" -o "$work/stamped.mp4" --register later > /dev/null
"$proofmark" stamp "$work/a.mp4" -o "$work/stamped.mkv" --register never > /dev/null
cp "$work/stamped.mp4" verify/signed.mp4
cp "$work"/stamped.mp4*.json registration/stamped
cp "$work"/stamped*.c2pa manifest/sidecar
ff "${tiny[@]}" -t 0.4 -c:v libx264 -crf 40 -c:a aac -b:a 16k -movflags frag_keyframe+empty_moov verify/fragments.mp4
ff "${tiny[@]}" -t 0.4 -c:v libvpx-vp9 -crf 50 -b:v 0 -c:a libopus -b:a 16k verify/vp9.webm
ff -f lavfi -i sine=frequency=440:sample_rate=8000 -t 0.5 verify/sound.wav
"$proofmark" stamp verify/sound.wav -o "$work/signed.wav" --register never > /dev/null
cp "$work/signed.wav" verify/signed.wav
ff -f lavfi -i testsrc2=size=64x48:rate=1 -frames:v 1 verify/still.png

ff -f lavfi -i testsrc2=size=176x144:rate=1 -frames:v 1 "$work/large.png"
# With a second picture behind the first, with a manifest, and with text.
ff -f lavfi -i testsrc2=size=64x48:rate=1 -frames:v 1 "$work/still.jpg"
ff -f lavfi -i testsrc2=size=32x24:rate=1 -frames:v 1 "$work/small.jpg"
cat "$work/still.jpg" "$work/small.jpg" > still/two-pictures.jpg
"$proofmark" stamp "$work/large.png" -o still/signed.webp --register never > /dev/null
{ head -c 33 verify/still.png && printf '\0\0\0\013tEXtprompt\0text\0\0\0\0' && tail -c +34 verify/still.png; } > still/text.png

ff -f lavfi -i testsrc2=size=32x24:rate=5 -t 0.6 -pix_fmt yuv420p "$work/420.y4m" && cp "$work/420.y4m" stream/420
ff -f lavfi -i testsrc2=size=16x16:rate=5 -t 0.4 -pix_fmt yuv444p10le -strict -1 "$work/444.y4m" && cp "$work/444.y4m" stream/444-ten-bits
cp verify/fragments.mp4 stream/fragments

# Scripts: a head (container, picture's codec, sound's, purpose), then parts (width, height, format, range and matrix, frames and step, leap, rate and sample, layout and length).
script() { local name=$1; shift; printf "$(printf '\\x%02x' "$@")" > "stamp/$name"; }
script size-down      0 2 0 0  80 64 0 0 2 0 0 0  24 12 0 0 2 0 0 0
script size-up        0 2 5 1  20 20 0 0 2 0 0 7  80 70 0 0 2 0 0 7  20 20 0 0 2 0 0 7
script every-png      1 1 0 0  32 24 0 0 0 0 0 0  32 24 1 1 0 0 0 0  32 24 2 2 0 0 0 0  16 30 3 0 0 0 0 0  48 40 4 0 0 0 0 0  32 24 6 0 0 0 0 0
script every-jpeg     0 0 1 1  40 24 0 0 1 0 0 13  40 24 1 0 1 0 1 12  20 40 2 0 1 0 3 13
script ranges         0 4 0 0  64 48 0 4 2 0 0 0  64 48 0 8 2 0 0 0  64 48 1 12 2 0 0 0
script joined         0 4 3 1  64 48 0 0 2 0 0 49  64 48 0 0 2 0 0 49
script clocks         0 6 1 5  64 48 0 0 2 6 1 49  64 48 0 0 2 7 1 49  64 48 0 0 2 5 1 49
script gaps           0 2 5 3  64 48 0 0 11 3 0 7  64 48 0 0 11 4 0 7  64 48 0 0 11 0 0 7
script layouts        0 0 2 2  16 16 0 0 0 0 0 44  16 16 0 0 0 0 1 43  16 16 0 0 0 0 2 45  16 16 0 0 0 0 0 42
script samples        1 0 4 4  16 16 0 0 0 0 0 43  16 16 0 0 0 0 9 42  16 16 0 0 0 0 21 43
script copied         0 0 2 64  48 32 0 0 2 0 0 44  30 32 0 0 2 0 1 43

"$proofmark" detect "$work/a.mp4" "$work/stamped.mp4" --ledger "$work/ledger" > /dev/null || true
# Targets read what a run with other options left, whose options are none.
sed '1s/"options":.*,"version"/"options":null,"version"/; '"s|$work|/clips|g" "$work/ledger" > ledger/detect
"$proofmark" stamp "$work/a.mp4" -o "$work/package" --no-c2pa --register never --package hls,dash --segment 1 > /dev/null
cp "$work/package/index.m3u8" package/master
cp "$work/package/index.mpd" package/timeline
cat "$work"/package/video-*/index.m3u8 > package/segments
cat "$work"/package/video-*/init.mp4 > package/init
head --bytes 700 "$work/package/audio/00001.m4s" > package/segment
"$answer" "$work/a.mp4" > answer/clip
"$answer" verify/sound.wav > answer/sound
ff -f lavfi -i testsrc2=size=64x48:rate=8 -f lavfi -i anoisesrc=r=8000:a=0.2 -t 0.4 -c:v libx264 -c:a aac "$work/shown.mp4"
"$answer" "$work/shown.mp4" shown
head -c 200 "$work/a.mp4" > word/bytes
head -c 2000 /dev/zero > word/zeros

printf 'GET /v1/matches/byBinding?alg=org.proofmark.video.1&value=AAAA\n\n' > request/by-binding
printf 'GET /v1/services/supportedAlgorithms\n\n' > request/algorithms
printf 'POST /v1/matches/byContent?alg=org.proofmark.video.1\ncontent-type: image/png\n\n' | cat - verify/still.png > request/by-content
printf 'POST /v1/bindings\ncontent-type: application/json\n\n{"alg":"trial","bindingValue":"AAAA","manifestId":"urn:c2pa:f47ac10b-58cc-4372-a567-0e02b2c3d479"}' > request/binding
printf 'POST /v1/manifests\ncontent-type: application/c2pa\n\n' | cat - manifest/sidecar > request/manifest
printf 'POST /v1/verify\ncontent-type: audio/wav\n\n' | cat - verify/sound.wav > request/verify
printf 'POST /v1/verify\ncontent-type: multipart/form-data; boundary=b\n\n--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n' > request/multipart
