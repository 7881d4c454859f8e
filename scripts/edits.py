#!/usr/bin/env python3
"""What `verify` says of clips that were edited as uploaders and adversaries edit them: how often something forged is good, and something honest accused.

edits.py PROOFMARK MEDIA [--clips 12] [--forge DIR] [--work DIR] [--record FILE]

Stamps the first seconds of clips of a folder, with sound, makes 29 edits of each, and verifies them with the registry. DIR has copymark.py and paste_manifest.py,
which copy a mark and a manifest without a key; without it those four kinds are left out. Prints a table for `docs/results/edits.md`. Needs ffmpeg and numpy.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SECONDS = 6
X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -b:a 128k"
EVEN = "scale=trunc(iw/2)*2:trunc(ih/2)*2"

# What was done to the clip, that its content is still what was stamped.
HONEST = {
    "re-encoded": f"{X264} -crf 28",
    "re-encoded, badly": f"{X264} -crf 36 -b:a 64k",
    "small": f"-vf scale=-2:240 {X264} -crf 28",
    "brighter": f"-vf eq=brightness=0.08:contrast=1.15 {X264} -crf 26",
    "cropped to 70 %": f"-vf crop=trunc(iw*.35)*2:trunc(ih*.35)*2 {X264} -crf 26",
    "upright": f"-vf crop=trunc(ih*9/32)*2:ih {X264} -crf 26",
    "bars": f"-vf pad=iw:trunc(ih*.7)*2:0:(oh-ih)/2 {X264} -crf 26",
    "mirrored": f"-vf hflip {X264} -crf 26",
    "turned by 3 degrees": f"-vf rotate=3*PI/180 {X264} -crf 26",
    "15 frames a second": f"-r 15 {X264} -crf 28",
    "faster": f"-filter_complex [0:v]setpts=PTS/1.05[v];[0:a]atempo=1.05[a] -map [v] -map [a] {X264} -crf 26",
    "an excerpt": f"-ss 1.5 -t 3 {X264} -crf 26",
    "without sound": f"-an {X264} -crf 28",
    "sound alone": "-vn -c:a aac -b:a 96k",
}

# Another clip in 12 % of the picture.
TWELVE = "-filter_complex [1:v][0:v]scale2ref=w=trunc(iw*.173)*2:h=trunc(ih*.173)*2[o][m];[m][o]overlay=W*.3:H*.2:shortest=1"

# Other content in it, or another's claim on it: {o} is another clip, {n} its name among the options.
FORGED = {
    "half of the picture replaced": "-filter_complex [1:v][0:v]scale2ref=w=trunc(iw/4)*2:h=ih[o][m];[m][o]overlay=0:0:shortest=1[v] -map [v] -map 0:a {x} -crf 24",
    "12 % of the picture replaced": f"{TWELVE}[v] -map [v] -map 0:a {{x}} -crf 24",
    "12 % replaced, then cropped to 80 %": f"{TWELVE},crop=trunc(iw*.4)*2:trunc(ih*.4)*2[v] -map [v] -map 0:a {{x}} -crf 24",
    "12 % replaced, then turned by 2 degrees": f"{TWELVE},rotate=2*PI/180[v] -map [v] -map 0:a {{x}} -crf 24",
    "5 % of the picture replaced": "-filter_complex [1:v][0:v]scale2ref=w=trunc(iw*.112)*2:h=trunc(ih*.112)*2[o][m];[m][o]overlay=W*.55:H*.35:shortest=1[v] -map [v] -map 0:a {x} -crf 24",
    "another sound": "-map 0:v -map 1:a -shortest {x} -crf 26",
    "another picture": "-filter_complex [1:v][0:v]scale2ref=w=iw:h=ih[o][m];[m]nullsink -map [o] -map 0:a -shortest {x} -crf 26",
    "2 s put in": "-filter_complex [1:v][0:v]scale2ref=w=iw:h=ih[o][m];[m]split[a0][c0];[a0]trim=0:2,setpts=PTS-STARTPTS,fps=25,setsar=1[a];[o]trim=0:2,setpts=PTS-STARTPTS,fps=25,setsar=1[b];"
    "[c0]trim=2,setpts=PTS-STARTPTS,fps=25,setsar=1[c];[a][b][c]concat=3:1:0[v] -map [v] -an {x} -crf 24",
    "another clip behind it": "-filter_complex [1:v][0:v]scale2ref=w=iw:h=ih[o][m];[m]fps=25,setsar=1[a];[o]trim=0:4,setpts=PTS-STARTPTS,fps=25,setsar=1[b];[a][b]concat=2:1:0[v] -map [v] -an {x} -crf 24",
}


def run(*arguments, **more):
    return subprocess.run([str(a) for a in arguments], check=True, stdout=subprocess.DEVNULL, **more)


def ffmpeg(*arguments):
    run("ffmpeg", "-v", "error", "-nostdin", "-y", *arguments)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proofmark")
    arguments.add_argument("media", type=pathlib.Path, help="a folder with video/ and audio/")
    arguments.add_argument("--clips", type=int, default=12)
    arguments.add_argument("--forge", type=pathlib.Path)
    arguments.add_argument("--work", type=pathlib.Path)
    arguments.add_argument("--record", type=pathlib.Path)
    args = arguments.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    proofmark = pathlib.Path(args.proofmark).resolve()
    videos = sorted(p for p in (args.media / "video").iterdir())
    sounds = sorted(p for p in (args.media / "audio").iterdir())
    step = max(1, len(videos) // args.clips)
    tally = collections.defaultdict(list)
    record = args.record.open("w") if args.record else None
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        work = pathlib.Path(folder)
        ours, theirs = work / "ours", work / "theirs"
        for home in (ours, theirs):
            run(proofmark, "init", "-q", "--home", home)
        clips = []
        for i, video in enumerate(videos[::step][: args.clips]):
            clip, stamped = work / f"clip{i}.mp4", work / f"stamped{i}.mp4"
            fit = "scale=trunc(oh*a/2)*2:480"
            ffmpeg("-i", video, "-ss", i, "-stream_loop", "-1", "-i", sounds[i % len(sounds)], "-map", "0:v:0", "-map", "1:a:0", "-t", SECONDS, "-vf", fit, *X264.split(), "-crf", "16", "-ac", "2", clip)
            out = subprocess.run([proofmark, "stamp", clip, "-o", stamped, "--title", video.stem, "--home", ours, "--json"], check=True, capture_output=True, text=True)
            clips.append((video.stem, clip, stamped, json.loads(out.stdout)["payload"]))
        for i, (name, clip, stamped, payload) in enumerate(clips):
            _, other, other_stamped, _ = clips[(i + 5) % len(clips)]
            made = {}
            for kind, how in HONEST.items():
                target = work / f"edit{len(made)}.mp4"
                ffmpeg("-i", stamped, "-map_metadata", "-1", *how.split(), target)
                made[target] = ("honest", kind)
            for kind, how in FORGED.items():
                target = work / f"edit{len(made)}.mp4"
                ffmpeg("-i", stamped, "-i", other, "-map_metadata", "-1", *how.format(x=X264).split(), "-t", SECONDS + 4, target)
                made[target] = ("forged", kind)

            def edit(kind):
                target = work / f"edit{len(made)}.mp4"
                made[target] = ("forged", kind)
                return target

            ffmpeg("-i", stamped, "-i", other_stamped, "-filter_complex", "[1:v][0:v]scale2ref=w=iw:h=ih[o][m];[m]fps=25,setsar=1[a];[o]fps=25,setsar=1[b];[a][b]concat=2:1:0[v]", "-map", "[v]", "-an", *X264.split(), "-crf", "24", edit("two of ours joined"))
            sign = lambda source, target: run(proofmark, "stamp", source, "-o", target, "--payload", payload, "--title", name, "--force", "-q", "--home", theirs, stderr=subprocess.DEVNULL)
            sign(next(t for t, k in made.items() if k[1] == "12 % of the picture replaced"), edit("12 % replaced, signed by a stranger"))
            sign(other, edit("another clip, signed by a stranger under our number"))
            if args.forge:
                env = {**os.environ, "PROOFMARK_ROOT": str(root)}
                for turn in (0, 1):
                    run(sys.executable, args.forge / "copymark.py", stamped, other, edit(f"our mark copied into another clip{', turned by a degree' if turn else ''}"), "1.0", turn, env=env)
                run(sys.executable, args.forge / "paste_manifest.py", stamped, other, edit("our manifest pasted into another clip"), env=env)
            out = subprocess.run([proofmark, "verify", "--json", "--jobs", "2", "--home", ours, *map(str, made)], capture_output=True, text=True)
            reports = {pathlib.Path(r["file"]): r for r in map(json.loads, out.stdout.splitlines())}
            for target, (what, kind) in made.items():
                r = reports[target]
                tally[what, kind].append((r.get("verdict", "error"), r.get("severity", "error")))
                if record:
                    codes = [x["code"] for x in r.get("reasons", [])]
                    print(json.dumps({"clip": name, "what": what, "kind": kind, "verdict": r.get("verdict"), "trust": r.get("trust"), "severity": r.get("severity"), "reasons": codes, "told": [r.get("summary", "")] + [x["text"] for x in r.get("reasons", [])[:3]]}), file=record, flush=True)
                target.unlink()
            print(f"{i + 1} of {len(clips)}: {name}", flush=True)
    print("\n| what was done | files | good | note | doubt | alert | verdicts |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    wrong = collections.Counter()
    for (what, kind), said in tally.items():
        count = lambda severity: sum(s == severity for _, s in said)
        verdicts = ", ".join(f"{n} {v}" for v, n in collections.Counter(v for v, _ in said).most_common())
        print(f"| {what}: {kind} | {len(said)} | {count('good')} | {count('note')} | {count('doubt')} | {count('alert')} | {verdicts} |")
        wrong[what, "files"] += len(said)
        wrong[what, "wrong"] += count("good" if what == "forged" else "alert")
        wrong[what, "doubt"] += count("doubt") + count("note")
    for what, word in (("honest", "accused"), ("forged", "good")):
        print(f"\n{what}: {wrong[what, 'files']} files, {wrong[what, 'wrong']} {word}, {wrong[what, 'doubt']} in doubt or of no account")


if __name__ == "__main__":
    main()
