#!/usr/bin/env python3
"""How long the page takes from a dropped clip to its first word and to its last.

page_times.py PROOFMARK CLIP [--lengths 6,60,600] [--work DIR]

Stamps the clip at each length (looped where it is shorter), re-encodes it as a platform would, and sends that, and the same unmarked, to a server of its own. Prints a table
for `docs/results/page.md`. Needs ffmpeg and curl.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.request

AT = "127.0.0.1:8497"


def run(*arguments, **how):
    return subprocess.run([str(a) for a in arguments], check=True, capture_output=True, text=True, **how)


def ffmpeg(*arguments):
    run("ffmpeg", "-v", "error", "-nostdin", "-y", *arguments)


def send(clip):
    """Seconds until it was sent, until the first word on its mark (None if there was none), and until the answer; and the answer's word."""
    begun = time.monotonic()
    out = run("curl", "-sS", "-H", "accept: application/json", "-F", f"clip=@{clip}", f"http://{AT}/reports")
    at, sent, first = json.loads(out.stdout)["at"], time.monotonic() - begun, None
    while True:
        with urllib.request.urlopen(f"http://{AT}{at}/progress") as answer:
            told = json.load(answer)
        now = time.monotonic() - begun
        if told["glimpse"] and first is None:
            first = now
        if told["done"]:
            return sent, first, now, told["result"]["word"]
        time.sleep(0.05)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proofmark")
    arguments.add_argument("clip", type=pathlib.Path)
    arguments.add_argument("--lengths", default="6,60,600")
    arguments.add_argument("--work", type=pathlib.Path)
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        work = pathlib.Path(folder)
        home = work / "home"
        run(args.proofmark, "init", "-q", "--home", home)
        (home / "config.toml").write_text("[serve]\nrate = 0\n")
        server = subprocess.Popen([args.proofmark, "serve", "--listen", AT, "--home", str(home)], stderr=subprocess.DEVNULL)
        try:
            print("| clip | size | sent after | first word after | answer after | what it says |")
            print("| --- | --- | --- | --- | --- | --- |")
            for length in map(int, args.lengths.split(",")):
                source, stamped, copy, plain = (work / f"{name}.mp4" for name in ("source", "stamped", "copy", "plain"))
                ffmpeg("-stream_loop", "-1", "-i", args.clip, "-t", length, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-c:a", "aac", source)
                run(args.proofmark, "stamp", source, "-o", stamped, "--force", "-q", "--title", "A clip", "--home", home)
                for name, made, to in (("marked", stamped, copy), ("not marked", source, plain)):
                    if name == "not marked":
                        # Otherwise it would be found by its looks.
                        ffmpeg("-i", made, "-map_metadata", "-1", "-vf", "hue=h=90,rotate=0.3,crop=iw*0.5:ih*0.5", "-af", "asetrate=30000,aresample=44100", "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", to)
                    else:
                        ffmpeg("-i", made, "-map_metadata", "-1", "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", to)
                    sent, first, last, word = send(to)
                    first = f"{first:.1f} s" if first else "–"
                    print(f"| {length} s, {name} | {to.stat().st_size / 2**20:.1f} MiB | {sent:.1f} s | {first} | {last:.1f} s | {word} |", flush=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
