"""Copies for benches/audio_likeness.rs: python3 scripts/sound_likeness.py BENCH FOLDER FILE... [--stamp BIN]

Of each clip or sound file the first ten seconds go to FOLDER as <name>@original.wav, and copies as <name>@<attack>.<ext>: the attacks on sound of the harness,
whose folder is BENCH, more speeds, tempos and pitches, and another file's sound laid over at several levels. With --stamp the copies are made from the stamped sound,
and what was laid over is kept only where 'detect' still reads the mark, so that `over-…` tells how unlike a sound may be that carries its mark.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AAC = ["-c:a", "aac", "-b:a", "96k"]
MORE = {f"speed-{v}": (f"asetrate=SR*{v},aresample=SR", AAC) for v in (0.8, 0.9, 0.95, 0.98, 1.02, 1.1, 1.2)}
MORE |= {f"tempo-{v}": (f"atempo={v}", AAC) for v in (0.9, 0.95, 1.1)}
MORE |= {f"pitch-{s:+d}": (f"rubberband=pitch={2 ** (s / 12)}", AAC) for s in (-2, -1, 1, 2)}
OVER = (-12, -6, 0, 6)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("bench", type=Path)
    p.add_argument("folder", type=Path)
    p.add_argument("files", nargs="+", type=Path)
    p.add_argument("--stamp", metavar="BIN", type=Path)
    a = p.parse_args()
    sys.path.insert(0, str(a.bench))
    import attacks
    a.folder.mkdir(parents=True, exist_ok=True)
    binary = a.stamp and str(a.stamp.resolve())
    os.environ["PROOFMARK_HOME"] = str(a.folder.resolve() / "home")
    if binary and not (a.folder / "home").exists():
        subprocess.run([binary, "init"], check=True, capture_output=True)

    def ffmpeg(*arguments):
        return subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], capture_output=True).returncode == 0

    def level(file):
        told = subprocess.run(["ffmpeg", "-nostdin", "-i", file, "-af", "volumedetect", "-f", "null", "-"], capture_output=True, text=True).stderr
        return float(re.search(r"mean_volume: ([-\d.]+)", told).group(1))

    def rate(file):
        return subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=sample_rate", "-of", "csv=p=0", file], capture_output=True, text=True).stdout.split()[0]

    def source(file):
        original = a.folder / f"{file.stem}@original.wav"
        if not ffmpeg("-i", file, "-map", "0:a:0", "-t", "10", "-c:a", "pcm_s16le", original):
            return None
        if not binary:
            return file.stem, original
        stamped = a.folder / f"{file.stem}.stamped.wav"
        subprocess.run([binary, "stamp", original, "-o", stamped, "--no-c2pa", "--register", "never", "--force"], check=True, capture_output=True)
        return file.stem, stamped

    def attacked(job):
        stem, file, name = job
        graph, encoder, ending = attacks.AUDIO[name][1:] if name in attacks.AUDIO else (*MORE[name], "m4a")
        target = a.folder / f"{stem}@{name}.{ending}"
        if name == "identity":
            encoder = ["-c:a", "aac", "-b:a", "192k"]
        if graph and graph.startswith("NOISE"):
            loud = min(10 ** ((level(file) - float(graph.split(":")[1])) / 20) * 3 ** 0.5, 1)
            mixed = "[0:a]aformat=channel_layouts=mono[a];[a][1:a]amix=inputs=2:duration=first:normalize=0"
            return ffmpeg("-i", file, "-f", "lavfi", "-i", f"anoisesrc=r={rate(file)}:a={loud}:c=white:seed=7", "-filter_complex", mixed, *encoder, target)
        return ffmpeg("-i", file, *(["-af", graph.replace("SR", rate(file))] if graph else []), *encoder, target)

    def laid_over(job):
        stem, file, other, gain = job
        target = a.folder / f"{stem}@over{gain:+d}.m4a"
        volume = level(file) - level(other) + gain
        mixed = f"[1:a]volume={volume}dB,aloop=-1:2e9[b];[0:a][b]amix=inputs=2:duration=first:normalize=0"
        ffmpeg("-i", file, "-i", other, "-filter_complex", mixed, "-c:a", "aac", "-b:a", "128k", target)
        if binary:
            told = subprocess.run([binary, "detect", target, "--json"], capture_output=True, text=True).stdout
            if not (json.loads(told).get("audio") or {}).get("payload"):
                target.unlink()

    with ThreadPoolExecutor(2) as pool:
        sources = [s for s in pool.map(source, a.files) if s]
        names = [*attacks.AUDIO, *MORE]
        done = sum(pool.map(attacked, [(stem, file, name) for stem, file in sources for name in names]))
        others = [s[1] for s in sources]
        list(pool.map(laid_over, [(stem, file, others[(i + 5) % len(others)], gain) for i, (stem, file) in enumerate(sources) for gain in OVER]))
    print(f"{len(sources)} sources, {done} copies")


if __name__ == "__main__":
    main()
