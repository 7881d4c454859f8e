#!/usr/bin/env python3
"""What eyes see of the mark, and what it costs in bytes: the clips of the harness, and six that are made to show it.

visible.py PROOFMARK MEDIA [--clips N] [--strength S] [--jod] [--pictures DIR] [--record FILE]

Each clip is stamped without loss, so that the mark alone differs. Printed are SSIMULACRA2 of the first frame, the sixth, the twenty-first and the worst of those that begin a
shot (90 is visually lossless, 70 high quality); of a clip that stands still, by how many grey levels a frame differs from the one before at most, after the twelfth, by x264 at
CRF 20, marked and not; and how much longer the marked clip is than the clip, both by x264 at CRF 20. --jod adds ColorVideoVDP's opinion (10 is no difference, at 75 pixels to
the degree), which takes minutes a clip. --pictures writes the first frames, as they were and marked, at 200 %. Needs ffmpeg and, from PyPI, numpy, pillow and ssimulacra2, for --jod cvvdp.
"""
import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from ssimulacra2 import compute_ssimulacra2

WIDTH, HEIGHT, RATE, COUNT = 1280, 720, 24, 60
FRAMES = (0, 5, 20)
# Mean change of the means of blocks from frame to frame, in grey levels, with which a shot begins: the marker's own rule.
CUT, BLOCK = 12.0, 8
# Frames after which a still scene should stand still. A key frame comes later.
SETTLED = 12
X264 = ["-c:v", "libx264", "-crf", "20", "-preset", "medium", "-g", "48", "-pix_fmt", "yuv420p"]


def enlarged(small, width, height):
    return np.asarray(Image.fromarray(small.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC))


@functools.cache
def banks():
    """A near and a far bank of fog, 0 to 1, each two frames wide."""
    rng = np.random.default_rng(1)
    return [enlarged(rng.random((cells, cells * 2), dtype=np.float32), 2 * WIDTH, HEIGHT).clip(0, 1) for cells in (6, 12)]


@functools.cache
def pores():
    return enlarged(np.random.default_rng(2).normal(0, 1, (HEIGHT // 3, WIDTH // 3)), WIDTH, HEIGHT)


def gradients(_, y, x):
    """Above a light one, below a dark one; nothing moves."""
    light = 150 + 60 * x / WIDTH + 20 * y / HEIGHT
    dark = 20 + 45 * x / WIDTH
    return np.stack([np.where(y < HEIGHT / 2, light - 12 * c, dark + 6 * c) for c in range(3)], -1)


def fog(t, y, x):
    near, far = banks()
    drift = lambda layer, by: layer[:, by * t:by * t + WIDTH]
    return np.repeat((150 + 36 * drift(near, 4) + 12 * drift(far, 7) - 30 * y / HEIGHT)[..., None], 3, -1)


def skin(t, y, x):
    """A forehead's curve, with pores."""
    light = 1 - 0.35 * ((x - WIDTH * 0.45 - 2 * t) / WIDTH) ** 2 - 0.3 * ((y - HEIGHT * 0.4) / HEIGHT) ** 2
    return light[..., None] * np.array([214, 164, 138]) + 0.8 * pores()[..., None]


def animation(t, y, x):
    """Flat colours with hard edges, one of which moves."""
    frame = np.empty((HEIGHT, WIDTH, 3))
    frame[:] = (126, 190, 232)
    frame[y[:, 0] > HEIGHT * 0.7] = (108, 158, 84)
    frame[(x - 300) ** 2 + (y - 200) ** 2 < 90**2] = (250, 226, 140)
    frame[(abs(x - 500 - 6 * t) < 120) & (abs(y - 460) < 130)] = (188, 62, 60)
    return frame


def text(t, y, x):
    """Dark on light, rolling."""
    page = Image.new("RGB", (WIDTH, HEIGHT), (244, 242, 236))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(30)
    for row in range(-1, 20):
        draw.text((80, 44 * row + 44 - 2 * t % 44), "What was promised, what is reached, and the command that measures it.", (34, 34, 40), font)
    return np.asarray(page, float)


def night(t, y, x):
    """A dark sky with stars and a camera's noise."""
    rng = np.random.default_rng(3)
    frame = np.repeat((14 + 16 * y / HEIGHT + 0 * x)[..., None], 3, -1) * np.array([0.8, 0.9, 1.3])
    stars = rng.integers(0, [HEIGHT - 3, WIDTH - 3], (160, 2))
    for (sy, sx), light in zip(stars, rng.uniform(60, 220, 160)):
        frame[sy:sy + 2, sx:sx + 2] = light
    return frame + np.random.default_rng(100 + t).normal(0, 1.2, frame.shape)


MADE = [gradients, fog, skin, animation, text, night]


def ffmpeg(*arguments, **more):
    return subprocess.run(["ffmpeg", "-v", "error", "-y", "-nostdin", *map(str, arguments)], check=True, **more)


def make(paint, target):
    """A clip of what `paint` says of (frame, row, column), in RGB."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    # Rounding by noise, so that no band shows that is not the mark's.
    rng = np.random.default_rng(4)
    even = rng.random((HEIGHT, WIDTH, 1))
    raw = b"".join((paint(t, y, x) + even).clip(0, 255).astype(np.uint8).tobytes() for t in range(COUNT))
    ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", RATE, "-i", "-", "-c:v", "ffv1", "-pix_fmt", "yuv420p", target, input=raw)


def frames(path, pixel, selected=None):
    """Frames as arrays, of all or of the numbers in `selected`."""
    size = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0", path], capture_output=True, text=True, check=True)
    width, height = map(int, size.stdout.strip().split(",")[:2])
    chosen = ["-vf", "select=" + "+".join(f"eq(n\\,{n})" for n in selected)] if selected else []
    raw = ffmpeg("-i", path, *chosen, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", pixel, "-", capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape((-1, height, width) + ((3,) if pixel == "rgb24" else ()))


def likeness(a, b, work):
    for frame, name in ((a, "a.png"), (b, "b.png")):
        Image.fromarray(frame).save(work / name, compress_level=1)
    return compute_ssimulacra2(str(work / "a.png"), str(work / "b.png"))


def jod(plain, marked):
    import pycvvdp

    a, b = (np.moveaxis(frames(path, "rgb24"), 0, -1) for path in (plain, marked))
    # 75 pixels to the degree; its "standard_fhd" has half of them.
    meter = pycvvdp.cvvdp(display_name="standard_4k", quiet=True)
    return float(meter.predict(b, a, dim_order="HWCF", frames_per_second=RATE)[0])


def rms(a, b):
    """By how much two frames differ, in grey levels."""
    return float(np.sqrt(((a.astype(np.float32) - b) ** 2).mean()))


def block_means(frame):
    rows, columns = (side // BLOCK for side in frame.shape)
    return frame[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).mean((1, 3))


def flicker(path):
    shown = frames(path, "gray")
    return max(rms(shown[i], shown[i - 1]) for i in range(SETTLED, len(shown)))


def measure(call, plain, work, args):
    """What is printed of one clip."""
    marked, delivered, beside = work / "marked.mkv", work / "marked.mp4", work / "plain.mp4"
    call("stamp", plain, "-o", marked, "--video-codec", "ffv1", "--no-c2pa", *args.level)
    a, b = frames(plain, "gray"), frames(marked, "gray")
    means = np.array([block_means(frame) for frame in a])
    change = np.abs(np.diff(means, axis=0)).mean((1, 2))
    shots = [int(n) + 1 for n in np.flatnonzero(change > CUT)]
    chosen = sorted({n for n in (*FRAMES, *shots) if n < len(a)})
    pairs = list(zip(frames(plain, "rgb24", chosen), frames(marked, "rgb24", chosen)))
    scores = {n: likeness(*pair, work) for n, pair in zip(chosen, pairs)}
    row = {"frames": [scores[n] for n in FRAMES if n in scores], "shots": min((scores[n] for n in shots), default=None)}
    row["level"] = float(np.mean([rms(x, y) for x, y in zip(a, b)]))
    ffmpeg("-i", marked, *X264, delivered)
    ffmpeg("-i", plain, *X264, beside)
    row["flicker"] = [flicker(path) for path in (delivered, beside)] if change.max() == 0 else None
    row["longer"] = delivered.stat().st_size / beside.stat().st_size - 1
    row["jod"] = jod(plain, marked) if args.jod else None
    if args.pictures:
        first = Image.fromarray(np.concatenate([frame[:360, :480] for frame in pairs[0]], 1))
        first.resize((2 * first.width, 2 * first.height), Image.Resampling.NEAREST).save(args.pictures / f"{plain.stem}.png")
    return row


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proofmark", type=pathlib.Path)
    arguments.add_argument("media", type=pathlib.Path)
    arguments.add_argument("--clips", type=int, default=12, help="of the harness's list, so many; those that are made are always measured")
    arguments.add_argument("--strength")
    arguments.add_argument("--jod", action="store_true")
    arguments.add_argument("--pictures", type=pathlib.Path)
    arguments.add_argument("--record", type=pathlib.Path)
    args = arguments.parse_args()
    args.level = ["--strength", args.strength] if args.strength else []
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    listed = (args.media / "CORE.txt").read_text().split()[: args.clips]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        env = {**os.environ, "PROOFMARK_HOME": str(work / "home")}

        def call(*command):
            more = ["--force", "--quiet", "--register", "never"] if command[0] == "stamp" else ["--quiet"]
            subprocess.run([args.proofmark.resolve(), *map(str, command), *more], env=env, check=True, stdout=subprocess.DEVNULL)

        call("init")
        print("| clip | first | sixth | 21st | shots | level | flicker | longer |" + (" JOD |" if args.jod else ""))
        print("| --- " * (9 if args.jod else 8) + "|")
        for source in [*MADE, *listed]:
            name = source.__name__ if callable(source) else pathlib.Path(source).stem
            plain = work / f"{name}.mkv"
            if callable(source):
                make(source, plain)
            else:
                ffmpeg("-i", args.media / "video" / source, "-t", COUNT / RATE, "-an", "-c:v", "ffv1", "-pix_fmt", "yuv420p", plain)
            row = rows[name] = measure(call, plain, work, args)
            plain.unlink()
            cells = [f"{v:.1f}" for v in row["frames"]] + ["" if row["shots"] is None else f"{row['shots']:.1f}", f"{row['level']:.2f}"]
            cells += ["" if row["flicker"] is None else "{:.2f}, {:.2f}".format(*row["flicker"]), f"{100 * row['longer']:.1f} %"] + ([f"{row['jod']:.2f}"] if args.jod else [])
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    scores = [v for row in rows.values() for v in [*row["frames"], *([row["shots"]] if row["shots"] is not None else [])]]
    longer = [row["longer"] for row in rows.values()]
    print(f"\nSSIMULACRA2: median {statistics.median(scores):.1f}, least {min(scores):.1f}; first frames {statistics.median(row['frames'][0] for row in rows.values()):.1f} in the median")
    print(f"longer by {100 * statistics.median(longer):.1f} % in the median, {100 * max(longer):.1f} % at most")
    if args.record:
        args.record.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
