"""Does a stripped clip find its manifest again? python3 scripts/recovery.py BIN BENCH FOLDER CLIP... [--jobs N] [--kinds KIND,...] [--trials N] [--skip N] [--keep]

The first six seconds of each clip are stamped into a home of their own. Then, as JSON lines into FOLDER/recovery.jsonl and as a table:
  recovered   every attack of the harness's groups codec, ladder and combined on the stamped clips, verified
  lookalikes  the same on the clips that were never stamped, of which the registry knows the stamped twins
  genuine     harder attacks on the stamped clips: none may be called contradictory
  strangers   N excerpts of the clips as they were before stamping, of 1.5 to 4 s, each under an attack of any group: none may get a manifest
  transplant  each clip stamped with the payloads of three others, re-encoded and verified
Needs ffmpeg with the encoders of the harness, whose folder is BENCH. Attacked files are deleted when they have been looked at; with --keep the first kind's stay in FOLDER/copies
as CLIP@ATTACK.mp4, beside CLIP@original.mp4, for benches/likeness.rs.
"""
import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HARDER = ["crop-vertical", "sticker-25", "caption", "border", "negate", "brightness-150", "contrast-150", "gaussian-blur-9", "noise-20", "fps-15", "speed-050",
          "speed-200", "reverse", "average-3", "excerpt-1s", "hflip", "rotate-3", "crop-40", "pip-50", "letterbox"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("bench", type=Path)
    p.add_argument("folder", type=Path)
    p.add_argument("clips", nargs="+", type=Path)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--kinds", default="recovered,lookalikes,genuine,strangers,transplant", help="separated by commas [default: all]")
    p.add_argument("--trials", type=int, default=2000, help="strangers to be looked at")
    p.add_argument("--skip", type=int, default=0, help="leave out the first cases of a run that was stopped")
    p.add_argument("--keep", action="store_true", help="keep copies")
    a = p.parse_args()
    sys.path.insert(0, str(a.bench))
    import attacks
    binary, folder = str(Path(a.binary).resolve()), a.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROOFMARK_HOME"] = str(folder / "home")

    def ours(*arguments):
        return subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True)

    def ffmpeg(*arguments):
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True, env={**os.environ, "SVT_LOG": "1"})

    if not (folder / "home").exists():
        ours("init").check_returncode()
    payloads = {}
    for clip in a.clips:
        cut, stamped = folder / f"{clip.stem}.cut{clip.suffix}", folder / f"{clip.stem}.stamped.mp4"
        ffmpeg("-i", clip, "-t", "6", "-c", "copy", "-map", "0:v:0", "-map", "0:a:0?", cut)
        told = ours("stamp", cut, "-o", stamped, "--title", clip.stem, "--force", "--json")
        told.check_returncode()
        payloads[clip.stem] = json.loads(told.stdout)["payload"]

    copies = folder / "copies"
    if a.keep:
        copies.mkdir(exist_ok=True)
        for stem in payloads:
            shutil.copy(folder / f"{stem}.stamped.mp4", copies / f"{stem}@original.mp4")

    def attacked(name, source, target):
        _, graph, encoder = attacks.VIDEO[name]
        passes = attacks.PASSES.get(name, 1)
        steps = [source, *(target.with_name(f"{target.stem}.{i}.mp4") for i in range(passes - 1)), target]
        for before, after in zip(steps, steps[1:]):
            ffmpeg("-i", before, *(["-filter_complex", graph, "-map", "[v]"] if graph else ["-map", "0:v:0"]), "-an", *encoder, after)

    def case(job):
        kind, stem, name = job
        with tempfile.TemporaryDirectory(dir=folder) as work:
            file = Path(work) / "upload.mp4"
            if kind == "transplant":
                forged = Path(work) / "forged.mp4"
                cut = next(folder.glob(f"{stem}.cut.*"))
                ours("stamp", cut, "-o", forged, "--payload", payloads[name], "--no-c2pa", "--no-audio-mark", "--register", "never").check_returncode()
                ffmpeg("-i", forged, "-an", "-c:v", "libx264", "-crf", "24", file)
            else:
                source = folder / f"{stem}.stamped.mp4" if kind in ("recovered", "genuine") else next(folder.glob(f"{stem}.cut.*"))
                try:
                    if kind == "strangers":
                        name, start, length = name
                        excerpt = Path(work) / "excerpt.mp4"
                        ffmpeg("-ss", start, "-t", length, "-i", source, "-an", "-vf", "scale=-2:'min(480,ih)'", "-c:v", "libx264", "-crf", "16", "-preset", "veryfast", excerpt)
                        source = excerpt
                    attacked(name, source, file)
                except subprocess.CalledProcessError:
                    return None  # it cannot be done to a clip of this shape
                if a.keep and kind == "recovered":
                    shutil.copy(file, copies / f"{stem}@{name}.mp4")
            told = ours("verify", file, "--json")
        report = json.loads(told.stdout)
        return {"kind": kind, "clip": stem, "with": name, "payload": payloads[stem], **{k: report.get(k) for k in ("verdict", "reasons", "registered", "similar", "error")}}

    groups = {n: s[0] for n, s in attacks.VIDEO.items() if s[0] in ("codec", "ladder", "combined")}
    stems = list(payloads)
    chosen = random.Random(5)
    jobs = [(kind, s, n) for kind in ("recovered", "lookalikes") for s in stems for n in groups] + [("genuine", s, n) for s in stems for n in HARDER]
    jobs += [("transplant", s, other) for s in stems for other in chosen.sample([o for o in stems if o != s], min(3, len(stems) - 1))]
    # Slow encoders are left to the lookalikes.
    quick = [n for n, (_, _, encoder) in attacks.VIDEO.items() if not {"libsvtav1", "libaom-av1", "libvpx-vp9", "libx265"} & set(encoder)]
    jobs += [("strangers", chosen.choice(stems), (chosen.choice(quick), round(chosen.uniform(0, 2), 2), round(chosen.uniform(1.5, 4), 2))) for _ in range(a.trials)]
    kinds = a.kinds.split(",")
    jobs = sorted((j for j in jobs if j[0] in kinds), key=lambda j: kinds.index(j[0]))[a.skip:]
    with ThreadPoolExecutor(a.jobs) as pool, (folder / "recovery.jsonl").open("w") as out:
        rows = []
        for row in filter(None, pool.map(case, jobs)):
            rows.append(row)
            print(json.dumps(row), file=out, flush=True)

    right = {
        "recovered": lambda r: r["verdict"] == "recovered" and r["registered"][0]["payload"] == r["payload"],
        "lookalikes": lambda r: r["verdict"] == "nothing-found" and not r["registered"],
        "strangers": lambda r: r["verdict"] == "nothing-found" and not r["registered"],
        "genuine": lambda r: r["verdict"] != "contradictory",
        "transplant": lambda r: r["verdict"] == "contradictory",
    }
    for kind, test in right.items():
        of = [r for r in rows if r["kind"] == kind]
        if not of:
            continue
        verdicts = ", ".join(f"{v} {n}" for v, n in collections.Counter(r["verdict"] for r in of).most_common())
        print(f"{kind:11s} {sum(map(test, of))} of {len(of)}   ({verdicts})")
    for kind in ("lookalikes", "strangers"):
        seen = [r for r in rows if r["kind"] == kind]
        if not seen:
            continue
        print(f"{kind} known by their looks alone: {sum(bool(r['similar']) and r['similar'][0]['payload'] == r['payload'] for r in seen)} of {len(seen)}, "
              f"taken for another: {sum(any(s['payload'] != r['payload'] for s in r['similar'] or []) for r in seen)}")


main()
