#!/usr/bin/env bash
# Makes the odd clips of the tests, two seconds each or less: testdata/make_odd.sh TARGET_FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: make_odd.sh TARGET_FOLDER}
mkdir -p "$out"
clip=$here/bigbuckbunny.mp4
ff() { ffmpeg -v error -nostdin -y "$@"; }
x264=(-c:v libx264 -preset ultrafast -crf 20)
take=(-ss 1 -t 2 -i "$clip" -an)

ff "${take[@]}" -vf "crop=404:720,scale=360:640" "${x264[@]}" "$out/portrait.mp4"
ff "${take[@]}" -vf "scale=427:241" -c:v ffv1 -pix_fmt yuv420p "$out/odd_size.mkv"
ff "${take[@]}" -vf "scale=640:360" -c:v libx265 -preset ultrafast -crf 18 -pix_fmt yuv420p10le -x265-params log-level=none \
   -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc "$out/ten_bit.mp4"
ff "${take[@]}" -vf "scale=640:360" -c:v ffv1 -pix_fmt yuv422p "$out/yuv422.mkv"
ff "${take[@]}" -vf "scale=640:360" -c:v ffv1 -pix_fmt yuv444p "$out/yuv444.mkv"
ff "${take[@]}" -vf "scale=640:360" -c:v ffv1 -pix_fmt bgr0 "$out/rgb.mkv"
ff "${take[@]}" -vf "scale=640:360:out_range=full" -color_range pc "${x264[@]}" -pix_fmt yuvj420p "$out/full_range.mp4"
ff "${take[@]}" -vf "scale=640:360,select='not(mod(n\,3))+not(mod(n\,7))'" -fps_mode vfr "${x264[@]}" "$out/variable_rate.mp4"
ff -ss 1 -t 2 -i "$clip" -vf scale=640:360 "${x264[@]}" -c:a copy -metadata title="Six channels" "$out/surround.mp4"
ff "${take[@]}" -vf "scale=640:360,lutyuv=y=16+(val-16)*0.15" "${x264[@]}" "$out/dark.mp4"
ff -f lavfi -i "color=c=0x8090a0:s=640x360:d=2:r=25" "${x264[@]}" "$out/flat.mp4"
ff "${take[@]}" -vf scale=640:360 "${x264[@]}" "$out/upright.mp4"
ff -i "$out/upright.mp4" -c copy -metadata:s:v:0 rotate=90 "$out/rotated.mp4"
ff "${take[@]}" -vf "scale=480:360,setsar=4/3" "${x264[@]}" "$out/anamorphic.mp4"
ff "${take[@]}" -vf scale=120:68 "${x264[@]}" "$out/too_small.mp4"
ff -ss 1 -t 2 -i "$clip" -vn -c:a copy "$out/sound_only.m4a"
ff -ss 2 -i "$clip" -frames:v 1 -update 1 "$out/still.png"
ff -ss 2 -i "$clip" -frames:v 1 -update 1 -q:v 2 "$out/still.jpg"
ff -ss 2 -i "$clip" -frames:v 1 -c:v libwebp -quality 95 "$out/still.webp"
printf '1\n00:00:00,200 --> 00:00:01,500\nA rabbit wakes up.\n' > "$out/captions.srt"
printf ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=Waking\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=Stretching\n' > "$out/chapters.txt"
captioned=(-i "$out/upright.mp4" -i "$out/captions.srt" -i "$out/chapters.txt" -map 0:v -map 1:s -map_chapters 2 -metadata:s:s:0 language=eng -c:v copy)
ff "${captioned[@]}" -c:s mov_text "$out/captioned.mp4"
ff "${captioned[@]}" -c:s srt "$out/captioned.mkv"
ff "${take[@]}" -vf "scale=640:360" -c:v libx265 -preset ultrafast -crf 18 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc \
   -x265-params "log-level=none:hdr10=1:repeat-headers=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400" "$out/hdr.mp4"
head -c 60000 "$clip" > "$out/truncated.mp4"
: > "$out/empty.mp4"
printf 'this is no video\n' > "$out/text.mp4"
