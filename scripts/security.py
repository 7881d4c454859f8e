#!/usr/bin/env python3
"""What attackers who know the design, but not the key, can do to the mark: the figures of docs/design/threat-model.md.

usage: scripts/security.py PROOFMARK CLIP...      needs numpy and ffmpeg; writes nothing but a table
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TILE = 128  # pixels of the tile at 360 lines
SECONDS = 4
COPIED = 1e-9  # the verdict's threshold


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, **more).stdout


def ffmpeg(*arguments):
    run("ffmpeg", "-v", "error", "-nostdin", "-y", *arguments)


class Clip:
    """Frames in memory: luma as floats, chroma as bytes."""

    def __init__(self, path):
        size = json.loads(run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,r_frame_rate", "-of", "json", path))["streams"][0]
        self.width, self.height, self.rate = size["width"], size["height"], size["r_frame_rate"]
        data = np.frombuffer(run("ffmpeg", "-v", "error", "-nostdin", "-i", path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"), np.uint8)
        data = data.reshape(-1, self.width * self.height * 3 // 2)
        self.luma = data[:, : self.width * self.height].reshape(-1, self.height, self.width).astype(np.float32)
        self.chroma = data[:, self.width * self.height :]

    def write(self, path, luma, crf=18):
        luma = np.clip(np.rint(luma), 0, 255).astype(np.uint8).reshape(len(luma), -1)
        data = np.concatenate([luma, self.chroma[: len(luma)]], axis=1).tobytes()
        run("ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{self.width}x{self.height}", "-r", self.rate, "-i", "-",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", crf, path, input=data)


def psnr(a, b):
    n = min(len(a), len(b))
    error = np.mean((a[:n] - np.clip(np.rint(b[:n]), 0, 255)) ** 2)
    return 10 * np.log10(255**2 / error) if error else np.inf


def blur(image, radius):
    """Box blur over the last two axes, three times: near enough to a Gaussian."""
    for axis in (-1, -2):
        for _ in range(3):
            padding = [(0, 0)] * image.ndim
            padding[axis] = (radius + 1, radius)
            sums = np.cumsum(np.pad(image, padding, mode="edge"), axis=axis, dtype=np.float64)
            n = image.shape[axis]
            image = ((np.take(sums, range(2 * radius + 1, 2 * radius + 1 + n), axis) - np.take(sums, range(n), axis)) / (2 * radius + 1)).astype(np.float32)
    return image


def residual(luma):
    """What an attacker takes for the mark: the high-pass over the local variance, added up over the frames."""
    total = np.zeros(luma.shape[1:], np.float32)
    for frame in luma:
        high = frame - blur(frame, 3)
        total += high / (blur(high * high, 4) + 3)
    return total


def fold(image, period):
    """The mean over all repetitions of a tile, at twice the resolution of pixels, and how to lay it out again."""
    height, width = image.shape
    side = int(2 * period)
    y = (np.arange(height) % period / period * side).astype(int)[:, None] + np.zeros(width, int)
    x = (np.arange(width) % period / period * side).astype(int) + np.zeros((height, 1), int)
    total, count = np.zeros((side, side)), np.zeros((side, side))
    np.add.at(total, (y, x), image)
    np.add.at(count, (y, x), 1)
    tile = total / np.maximum(count, 1)
    tile -= tile.mean()
    return tile, lambda t: t[y, x].astype(np.float32)


def searched(luma, tile, pattern, period):
    """The level at which subtracting a tile, laid out over the frame, leaves the least of it: all that it takes is one clip."""
    some = luma[:: max(1, len(luma) // 12)]

    def left(level):
        return abs(float(np.mean(fold(residual(some - level * pattern), period)[0] * tile)))

    return min(np.arange(0.2, 2.01, 0.1), key=left)


def scaled(pattern, rms=1.0):
    return pattern * (rms / max(1e-9, float(np.sqrt(np.mean(pattern**2)))))


def warp_field(height, width, amplitude, cell, rng):
    """A smooth random displacement with the given largest size in pixels."""
    field = blur(rng.standard_normal((2, height, width)).astype(np.float32), cell // 2)
    return field * (amplitude / np.abs(field).max())


def remap(frame, field):
    height, width = frame.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = np.clip(y + field[0], 0, height - 1.001), np.clip(x + field[1], 0, width - 1.001)
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = y - iy, x - ix
    upper = frame[iy, ix] * (1 - fx) + frame[iy, ix + 1] * fx
    lower = frame[iy + 1, ix] * (1 - fx) + frame[iy + 1, ix + 1] * fx
    return upper * (1 - fy) + lower * fy


class Desk:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, Path(folder)
        self.homes = {name: self.folder / name for name in ("home", "other")}
        for home in self.homes.values():
            self.tool(home, "init")

    def tool(self, home, *arguments, codes=(0, 1)):
        done = subprocess.run([self.binary, *map(str, arguments)], env={**os.environ, "PROOFMARK_HOME": str(home)}, capture_output=True, text=True)
        if done.returncode not in codes:
            raise SystemExit(done.stderr)
        return done.stdout

    def stamp(self, source, target, home="home"):
        report = self.tool(self.homes[home], "stamp", source, "-o", target, "--force", "--json", "--crf", "18", "--preset", "veryfast")
        return json.loads(report)["payload"]

    def detect(self, file, payload):
        """Whether it reads blind, evidence when asked for the payload, whether the mark is called copied, and whether a registry that knows the clip finds it."""
        blind = json.loads(self.tool(self.homes["home"], "detect", file, "--json"))["video"]
        marks = [blind, *blind["others"], *blind["earlier"]]
        known = json.loads(self.tool(self.homes["home"], "detect", file, "--json", "--expect", payload))["video"]
        z2 = known["evidence"]
        copied = any(m["parts"] and m["parts"]["copied"] <= COPIED for m in [*marks, known])
        verified = json.loads(self.tool(self.homes["home"], "verify", file, "--json", codes=(0, 1, 3)))["video"]
        recovered = any(m["payload"] == payload for m in [verified, *verified["others"], *verified["earlier"]])
        return any(m["payload"] == payload for m in marks), z2 / (1 - min(z2, 1930) / 1932), copied, recovered


def attack(desk, source, rows):
    short, marked, file = (desk.folder / n for n in ("short.mp4", "marked.mp4", "attacked.mp4"))
    ffmpeg("-i", source, "-t", SECONDS, "-an", "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "12", short)
    payload = desk.stamp(short, marked)
    clip, original = Clip(marked), Clip(short)
    period = TILE * min(clip.width, clip.height) / 360
    rng = np.random.default_rng(7)

    def tell(name, luma, against=clip.luma, crf=18):
        clip.write(file, luma, crf)
        rows.setdefault(name, []).append((*desk.detect(file, payload), psnr(against, luma)))

    def filtered(name, chain, crf):
        """Of what was written last, without a picture to compare it with."""
        changed = desk.folder / "changed.mp4"
        ffmpeg("-i", file, "-an", "-vf", chain, "-c:v", "libx264", "-preset", "veryfast", "-crf", crf, changed)
        rows.setdefault(name, []).append((*desk.detect(changed, payload), np.nan))

    def cropped(luma, share):
        """The middle of it, brought back to its size without more than whole pixels."""
        height, width = luma.shape[1:]
        top, left = int(height * (1 - share) / 2), int(width * (1 - share) / 2)
        out = np.full_like(luma, 16)
        out[:, : height - 2 * top, : width - 2 * left] = luma[:, top : height - top, left : width - left]
        return out

    tell("nothing", clip.luma)
    # Amplitude is what the attacker has to guess; the best of a few guesses counts.
    summed = residual(clip.luma)
    tile, lay = fold(summed, period)
    periodic = scaled(lay(tile))
    own = scaled(summed)
    for guess in (0.7, 1.0, 1.4):
        tell(f"own frames averaged, subtracted at {guess} levels", clip.luma - guess * own)
        tell(f"tile averaged over the frame, subtracted at {guess} levels", clip.luma - guess * periodic)
    erased = clip.luma - searched(clip.luma, tile, periodic, period) * periodic
    for crf in (18, 23, 30):
        tell(f"tile averaged, at the level that leaves the least of it, CRF {crf}", erased, crf=crf)
    tell("the same, the middle 90 % of it moved to a corner, CRF 23", cropped(erased, 0.9), against=cropped(clip.luma, 0.9), crf=23)
    clip.write(file, erased, 18)
    for crf in (23, 30):
        filtered(f"the same, cropped to 80 %, CRF {crf}", "crop=trunc(iw*.4)*2:trunc(ih*.4)*2:iw*.13:ih*.07", crf)
        filtered(f"the same, 0.7 of its size, CRF {crf}", "scale=trunc(iw*.35)*2:trunc(ih*.35)*2", crf)
        filtered(f"the same, turned by 1 degree and zoomed, CRF {crf}", "rotate=PI/180,crop=trunc(iw*.48)*2:trunc(ih*.48)*2", crf)
    for sigma in (1, 2):
        tell(f"Gaussian blur, standard deviation {sigma}", np.stack([blur(f, sigma) for f in clip.luma]))
    for amplitude, cell in ((1, 64), (2, 64), (2, 24)):
        field = warp_field(clip.height, clip.width, amplitude, cell, rng)
        tell(f"warped by up to {amplitude} px, cells of {cell}", np.stack([remap(f, field) for f in clip.luma]))
        fields = [warp_field(clip.height, clip.width, amplitude, cell, rng) for _ in range(4)]
        tell(f"the same, anew every frame: {amplitude} px, {cell}", np.stack([remap(f, fields[i % 4]) for i, f in enumerate(clip.luma)]))
    for name, chain in (("hqdn3d=8", "hqdn3d=8"), ("nlmeans=s=6", "nlmeans=s=6:p=5:r=9"), ("atadenoise", "atadenoise=s=33"), ("vaguedenoiser", "vaguedenoiser=threshold=6")):
        ffmpeg("-i", marked, "-an", "-vf", chain, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", file)
        rows.setdefault(f"denoised by {name}", []).append((*desk.detect(file, payload), psnr(clip.luma, Clip(file).luma)))
    desk.stamp(marked, file, "other")
    rows.setdefault("stamped again with another key", []).append((*desk.detect(file, payload), psnr(clip.luma, Clip(file).luma)))

    # Copying: the tile of this clip, put into its unmarked self shifted in time and mirrored, stands for any other clip.
    other = original.luma[::-1, :, ::-1]
    for crf in (18, 26):
        tell(f"copied into another clip: tile at 1.0 levels, CRF {crf}", other + periodic, against=other, crf=crf)
    tell("copied into another clip: own frames averaged, at 1.0 levels", other + own, against=other)
    # From other clips of the key: their common part, subtracted from this one.
    common = np.zeros_like(summed)
    for n in range(1, 33):
        desk.stamp(short, file)
        common += residual(Clip(file).luma[::8]) - residual(original.luma[::8])
        if n in (8, 32):
            tell(f"common part of {n} clips of the key, subtracted at 1.0 levels", clip.luma - scaled(common))


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(sys.argv[1], folder)
        for source in sys.argv[2:]:
            attack(desk, source, rows)
            print(source, file=sys.stderr)
    print("| attack | read blind | with the registry | called copied | E: median (least) | PSNR-Y, median |\n| --- | --- | --- | --- | --- | --- |")
    for name, cases in rows.items():
        evidence = sorted(c[1] for c in cases)
        quality = np.median([c[4] for c in cases])
        print(
            f"| {name} | {sum(c[0] for c in cases)} of {len(cases)} | {sum(c[3] for c in cases)} | {sum(c[2] for c in cases)} "
            f"| {evidence[len(evidence) // 2]:.0f} ({evidence[0]:.0f}) | {'' if np.isnan(quality) else f'{quality:.1f}'} |"
        )


if __name__ == "__main__":
    main()
