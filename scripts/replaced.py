#!/usr/bin/env python3
"""Which replaced parts of a picture `verify` tells, and what it says of copies in which nothing was replaced.

replaced.py PROOFMARK MEDIA [--clips N] [--every N] [--jobs N] [--work DIR]

Stamps the first seconds of each clip of a folder, makes copies of the kinds below, in which nothing was replaced, and edits, in which a rectangle shows
another of the clips, or nothing; verifies all of them, and prints a table for `docs/results/edits.md`. Needs ffmpeg. Files are made, asked about and removed a clip at a time.
"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import tempfile

SECONDS = 6
SIZES = [0.5, 1, 2, 3, 5, 8, 12, 22]
POSITIONS = 3
# Sizes of what is replaced before the copy is cropped, and shares of the sides that the crop leaves.
CROPPED = [(size, keep) for size in (5, 8, 12, 22) for keep in (0.93, 0.8, 0.65)]
# What covers a part with nothing, by its name and size in percent.
COVERED = [(colour, size) for colour in ("black", "white", "0x808080") for size in (12, 22, 40, 60)]

X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p"
HALF = "scale=trunc(iw/4)*2:trunc(ih/4)*2"
EVEN = "scale=trunc(iw/2)*2:trunc(ih/2)*2"


def crop(percent):
    side = 1 - percent / 100
    return f"crop=trunc(iw*{side}/2)*2:trunc(ih*{side}/2)*2"


COPIES = {
    "H.264": [f"{X264} -crf {crf}" for crf in (18, 20, 23, 26, 28, 32, 36, 40)],
    "other codecs": [f"-c:v libx265 -x265-params log-level=error -preset veryfast -crf {crf}" for crf in (24, 28, 34)]
    + ["-c:v libvpx-vp9 -cpu-used 8 -deadline realtime -crf 36 -b:v 0", "-c:v mpeg4 -q:v 5", "-c:v mpeg4 -q:v 10", "-c:v mjpeg -q:v 6 -pix_fmt yuvj420p", "-c:v mpeg2video -q:v 6", "-c:v libvpx -cpu-used 8 -deadline realtime -b:v 900k"],
    "resized": [f"-vf {scale} {X264} -crf {crf}" for scale in (HALF, "scale=-2:240", "scale=-2:144", "scale=trunc(iw*.75)*2:trunc(ih*.75)*2") for crf in (24, 32)],
    "light and colour": [
        f"-vf {how} {X264} -crf 26"
        for how in (
            "eq=brightness=0.1", "eq=brightness=-0.1", "eq=contrast=1.3", "eq=contrast=0.75", "eq=gamma=1.4", "eq=gamma=0.7", "eq=saturation=0", "eq=saturation=1.8",
            "hue=h=40", "vignette=PI/5", "curves=preset=strong_contrast", "colortemperature=temperature=4000", "negate=components=y", "fade=in:0:20",
        )
    ],
    "filters": [
        f"-vf {how} {X264} -crf 28"
        for how in ("gblur=1.5", "gblur=3", "unsharp=7:7:1.5", "noise=alls=10:allf=t", "noise=alls=20:allf=t", "noise=alls=30:allf=t", "hqdn3d=8", "median=2", "smartblur=3")
    ],
    "time": [f"-r {rate} {X264} -crf 27" for rate in (12, 15, 20, 30, 50)]
    + [f"-ss {start} {X264} -crf 27" for start in (0.2, 0.37, 1.1, 2.0)]
    + [f"-vf setpts=PTS/{speed} {X264} -crf 27" for speed in (0.95, 1.06)],
    "cropped and framed": [f"-vf {crop(percent)} {X264} -crf 26" for percent in (1, 2, 4, 8)]
    + [f"-vf pad=iw:ih*1.25:0:(oh-ih)/2,{EVEN} {X264} -crf 26", f"-vf pad=iw*1.2:ih:(ow-iw)/2:0,{EVEN} {X264} -crf 26", f"-vf scale=trunc(iw*.4)*2:ih {X264} -crf 26", f"-vf hflip {X264} -crf 26"],
    "turned": [f"-vf rotate={degrees}*PI/180 {X264} -crf 26" for degrees in (1, 2, -3)],
    "twice": [f"-vf {HALF} {X264} -crf {crf}" for crf in (30, 36)] + [f"-vf {HALF},eq=brightness=0.06:contrast=1.15,unsharp {X264} -crf 30", f"-vf {HALF} -r 15 {X264} -crf 30", f"-vf eq=gamma=1.2,noise=alls=12:allf=t {X264} -crf 32"],
}


def ffmpeg(arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-threads", "1", *arguments], check=True)


def base(source, target):
    fit = "scale='if(gt(iw,ih),640,-2)':'if(gt(iw,ih),-2,640)'"
    ffmpeg(["-i", str(source), "-t", str(SECONDS), "-an", "-vf", fit, *X264.split(), "-crf", "14", str(target)])


def replaced(stamped, other, size, x, y, target, keep=1):
    """Another clip in a part of the picture, `x` and `y` of the way across what a crop leaves."""
    side, edge = (size / 100) ** 0.5, (1 - keep) / 2
    free = max(keep - side, 0)
    graph = f"[1:v][0:v]scale2ref=w=trunc(iw*{side}/2)*2:h=trunc(ih*{side}/2)*2[o][m];[m][o]overlay=W*{edge + x * free:.4f}:H*{edge + y * free:.4f}:shortest=1"
    if keep < 1:
        graph += f",crop=trunc(iw*{keep}/2)*2:trunc(ih*{keep}/2)*2"
    ffmpeg(["-i", str(stamped), "-stream_loop", "-1", "-i", str(other), "-t", str(SECONDS), "-filter_complex", graph, *X264.split(), "-crf", "26", str(target)])


def covered(stamped, colour, size, x, y, target):
    side = (size / 100) ** 0.5
    box = f"drawbox=x=iw*{x:.4f}:y=ih*{y:.4f}:w=iw*{side:.4f}:h=ih*{side:.4f}:color={colour}:t=fill"
    ffmpeg(["-i", str(stamped), "-vf", box, *X264.split(), "-crf", "26", str(target)])


def verify(proofmark, home, files, jobs):
    out = subprocess.run([proofmark, "verify", "--json", "--jobs", str(jobs), "--home", str(home), *map(str, files)], capture_output=True, text=True)
    return {pathlib.Path(r["file"]).name: r for r in map(json.loads, out.stdout.splitlines())}


def told(report):
    """What a report says of parts: by the registered picture, by the mark, and how the whole is taken."""
    entry = (report.get("registered") or [{}])[0]
    codes = {r["code"] for r in report.get("reasons", [])}
    return {
        "read": bool(entry),
        "compared": bool(entry.get("difference")),
        "differs": "video.part-differs" in codes,
        "mark": bool({"video.part-of-frame", "video.part-of-frame-perhaps"} & codes),
        "good": report.get("severity") == "good",
        "verdict": report.get("verdict", "error"),
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proofmark")
    arguments.add_argument("media", type=pathlib.Path)
    arguments.add_argument("--clips", type=int, default=1000)
    arguments.add_argument("--every", type=int, default=1, help="make every so many copies of a kind only, others of each clip")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--work", type=pathlib.Path)
    arguments.add_argument("--record", type=pathlib.Path, help="write every report's gist there, a JSON object a line")
    args = arguments.parse_args()
    random.seed(29)
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        work = pathlib.Path(folder)
        home = work / "home"
        subprocess.run([args.proofmark, "init", "-q", "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
        sources = sorted(p for p in args.media.iterdir() if p.is_file())[: args.clips]
        bases = []
        for source in sources:
            bases.append(work / f"base_{source.stem.strip('.')}.mp4")
            base(source, bases[-1])
        copies, edits = collections.defaultdict(list), collections.defaultdict(list)
        record = args.record.open("w") if args.record else None
        for i, clip in enumerate(bases):
            stamped = work / "stamped.mp4"
            subprocess.run([args.proofmark, "stamp", str(clip), "-o", str(stamped), "--title", clip.stem, "--force", "-q", "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
            made = {}
            for kind, ways in COPIES.items():
                for n, way in list(enumerate(ways))[i % args.every :: args.every]:
                    target = work / f"copy_{len(made)}.mkv"
                    ffmpeg(["-i", str(stamped), *way.split(), str(target)])
                    made[target.name] = ("copy", kind, n)
            for size in SIZES:
                for n in range(POSITIONS):
                    other = bases[(i + 5 + 3 * n) % len(bases)]
                    target = work / f"edit_{len(made)}.mkv"
                    replaced(stamped, other, size, random.random(), random.random(), target)
                    made[target.name] = ("edit", size, n)
            for n, (size, keep) in enumerate(CROPPED):
                target = work / f"edit_{len(made)}.mkv"
                replaced(stamped, bases[(i + 7 + n) % len(bases)], size, random.random(), random.random(), target, keep)
                made[target.name] = ("edit", f"cropped too, {size}", n)
            for n, (colour, size) in enumerate(COVERED):
                side = (size / 100) ** 0.5
                target = work / f"cover_{len(made)}.mkv"
                covered(stamped, colour, size, random.random() * (1 - side), random.random() * (1 - side), target)
                made[target.name] = ("edit", f"covered, {size}", n)
            reports = verify(args.proofmark, home, [work / name for name in made], args.jobs)
            for name, (what, kind, n) in made.items():
                gist = told(reports[name])
                (copies if what == "copy" else edits)[kind].append(gist)
                if record:
                    share = ((reports[name].get("registered") or [{}])[0].get("difference") or {}).get("share")
                    print(json.dumps({"clip": clip.stem, "what": what, "kind": kind, "n": n, "share": share, **gist}), file=record, flush=True)
                (work / name).unlink()
            stamped.unlink()
            print(f"{i + 1} of {len(bases)}: {clip.stem}", flush=True)
    print("\n| copies in which nothing was replaced | files | number read | compared part by part | said to differ by the registered picture | by the mark | good |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for kind, all_ in [*copies.items(), ("all", [g for k in copies.values() for g in k])]:
        count = lambda what: sum(g[what] for g in all_)
        print(f"| {kind} | {len(all_)} | {count('read')} | {count('compared')} | {count('differs')} | {count('mark')} | {count('good')} |")
    print("\n| replaced, share of the picture | files | number read | told by the registered picture | told by the mark | told by either | good in spite of it |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for size, all_ in edits.items():
        count = lambda what: sum(g[what] for g in all_)
        either = sum(g["differs"] or g["mark"] for g in all_)
        print(f"| {size} % | {len(all_)} | {count('read')} | {count('differs')} | {count('mark')} | {either} ({100 * either / len(all_):.0f} %) | {count('good')} |")


if __name__ == "__main__":
    main()
