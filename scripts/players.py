#!/usr/bin/env python3
"""Plays what we package: players.py PROOFMARK CLIP [--work DIR] [--chromium FILE]

Packages the clip as HLS and DASH at three sizes, and has hls.js and dash.js, in the versions that
scripts/players/ names, play both in Chromium to their ends, once as they are and once after each of
the changes that `verify` is to tell. Prints a Markdown table, and exits with 1 where a package does
not play, or a change is not told. The players go to DIR, which later runs use again.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "players"


def run(*command, check=True, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if check and done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done


def swapped(folder):
    one, other = (folder / f"0000{n}.m4s" for n in (1, 2))
    one.rename(folder / "x")
    other.rename(one)
    (folder / "x").rename(other)


def flipped(folder):
    segment = folder / "00002.m4s"
    data = bytearray(segment.read_bytes())
    data[-100] ^= 1
    segment.write_bytes(data)


# What is done to a rendition's folder, and what verify is to say.
CHANGES = {
    "missing": (lambda folder: (folder / "00002.m4s").unlink(), "segments.missing"),
    "swapped": (swapped, "segments.moved"),
    "repeated": (lambda folder: shutil.copy(folder / "00001.m4s", folder / "00002.m4s"),
                 "segments.repeated"),
    "changed": (flipped, "segments.changed"),
    "foreign": (None, "segments.foreign"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proofmark", type=pathlib.Path)
    parser.add_argument("clip", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--chromium", default="chromium")
    options = parser.parse_args()
    work = (options.work or pathlib.Path(tempfile.gettempdir()) / "proofmark-players").resolve()
    work.mkdir(parents=True, exist_ok=True)
    for name in ("play.mjs", "package.json"):
        shutil.copy(HERE / name, work)
    run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", cwd=work)
    proofmark = options.proofmark.resolve()
    bad = []
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        home = place / "home"
        run(proofmark, "init", "--home", home)

        def package(name):
            run(proofmark, "stamp", "--quiet", "--home", home, options.clip, "--output",
                place / name, "--package", "hls,dash", "--segment", "2", "--ladder",
                "360,240:500k,144:200k", "--preset", "veryfast")
            return place / name

        first, second = package("first"), package("second")
        chromium = shutil.which(options.chromium) or options.chromium
        played = json.loads(run("node", "play.mjs", chromium, first, cwd=work).stdout)
        print("| player | renditions | played | frames | dropped | gaps | errors |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for one in played:
            told = f"{one['time']:.2f} s of {one['duration']:.2f} s, from {one['start']:.3f} s"
            print(f"| {one['player']} | {one['renditions']} | {told} | {one['frames']} | "
                  f"{one['dropped']} | {one['gaps']} | {', '.join(one['errors']) or 'none'} |")
            if not one["ended"] or one["errors"] or one["gaps"] or one["renditions"] != 3:
                bad.append(one["player"])
        print("\n| what is done | index | exit | verdict | told |\n| --- | --- | --- | --- | --- |")

        def verify(what, folder, code):
            for index in ("index.m3u8", "index.mpd"):
                done = run(proofmark, "verify", "--json", "--home", home, folder / index,
                           check=False)
                found = json.loads(done.stdout)
                reasons = [r for r in found.get("reasons", []) if r["code"].startswith("segments.")]
                told = "; ".join(r["text"] for r in reasons) or "nothing of segments"
                print(f"| {what} | {index} | {done.returncode} | {found.get('verdict')} | {told} |")
                if code not in [r["code"] for r in reasons] if code else done.returncode:
                    bad.append(f"{what}: {index}")

        verify("nothing", first, None)
        for what, (change, code) in CHANGES.items():
            folder = place / what
            shutil.copytree(first, folder)
            if change:
                change(folder / "video-240p")
            else:
                shutil.copy(second / "video-240p/00002.m4s", folder / "video-240p/00002.m4s")
            verify(what, folder, code)
            shutil.rmtree(folder)
    for one in bad:
        print(f"not as it should be: {one}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
