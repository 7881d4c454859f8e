"""What the sound mark does to sound: python3 scripts/sound_quality.py BIN FILE... [--beside] [--picture OUT.png FILE]

Each file is stamped losslessly, and the mark is what is left when the original is taken away. Printed are its level under the sound (SNR), the change
in loudness (EBU R 128), ViSQOL's and Zimtohrli's opinion of the result (1 to 5), and the lag. --picture draws the spectrograms of one file, of the same
marked, and of the mark alone. --beside scores what audiowmark's default would add instead, as its algorithm is published. Needs ffmpeg and, from PyPI, numpy, scipy, visqol-python, zimtohrli and, for pictures, matplotlib.
"""
import re
import statistics
import subprocess
import sys
import tempfile
import warnings
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

warnings.filterwarnings("ignore")


def decode(path, rate=None):
    """Samples by channel, and the rate."""
    probe = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=sample_rate,channels", "-of", "csv=p=0", path], capture_output=True, text=True, check=True)
    own, channels = (int(v) for v in probe.stdout.strip().split(",")[:2])
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-f", "f32le", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, channels).astype(float), own


def loudness(path):
    """Integrated, in LUFS; of ffmpeg's meters this one shows hundredths."""
    told = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-i", path, "-af", "loudnorm=print_format=json", "-f", "null", "-"], capture_output=True, text=True).stderr
    return float(re.findall(r'"input_i" : "(-?[\d.]+)"', told)[-1])


def at_48k(x, rate):
    g = gcd(rate, 48000)
    return resample_poly(x.mean(1), 48000 // g, rate // g)


def lossless(source, work):
    """The file as lossless 24-bit WAVE, and where that is to go marked."""
    plain, marked = work / "plain.wav", work / "marked.wav"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, "-map", "0:a:0", "-c:a", "pcm_s24le", plain], check=True)
    return plain, marked


def stamp(binary, home, plain, marked):
    """Marks it, and returns the samples of that."""
    subprocess.run([binary, "stamp", plain, "-o", marked, "--force", "--no-c2pa", "--quiet"], check=True, env={"PROOFMARK_HOME": str(home), "PATH": "/usr/bin:/bin"}, capture_output=True)
    return decode(marked)[0]


def audiowmark(x, rate, strength=0.01, frame=1024, bands=(20, 101), moved=30):
    """What audiowmark 0.6.5 adds by default: at 44.1 kHz, in each frame, 30 bins of 81 are raised and 30 lowered by the power `strength` of their
    magnitude. Which ones is drawn at random, as its key does; its limiter, for peaks over .99, is left out."""
    g = gcd(rate, 44100)
    y = resample_poly(x, 44100 // g, rate // g, axis=0)
    frames = -(-len(y) // frame)
    y = np.pad(y, ((0, frames * frame - len(y)), (0, 0)))
    shape = 0.54 + 0.46 * np.cos(np.pi * (np.arange(frame) / (frame / 2) - 1))
    spectra = np.fft.rfft(y.reshape(frames, frame, -1) * shape[:, None] * (2 / shape.sum()), axis=1)
    random = np.random.default_rng(1)
    signs = np.zeros((frames, frame // 2 + 1, 1))
    for row in signs:
        row[random.permutation(np.arange(*bands))[:2 * moved], 0] = np.repeat([1, -1], moved)
    size = np.maximum(np.abs(spectra), 1e-7)
    delta = np.fft.irfft(spectra * (size ** (-strength * signs) - 1), axis=1) * frame
    # A frame fades over into its neighbours, in a tenth of its length on either side.
    place = np.arange(-frame, 2 * frame) / frame
    place = np.where(place > 0.5, 1 - place, place)
    fade = 0.5 - 0.5 * np.cos(np.pi * np.clip(0.5 + place / 0.2, 0, 1))
    added = np.zeros((frames + 2, frame, x.shape[1]))
    for i in range(3):
        added[i:i + frames] += delta * fade[i * frame:(i + 1) * frame, None]
    return x + resample_poly(added[1:-1].reshape(frames * frame, -1), rate // g, 44100 // g, axis=0)[:len(x)]


def main():
    arguments = sys.argv[1:]
    beside = "--beside" in arguments
    if beside:
        arguments.remove("--beside")
    picture = None
    if "--picture" in arguments:
        i = arguments.index("--picture")
        picture, arguments = arguments[i + 1], arguments[:i] + arguments[i + 2:]
    binary, files = str(Path(arguments[0]).resolve()), arguments[1:]
    work = Path(tempfile.mkdtemp(prefix="sound-quality-"))
    home = work / "home"
    subprocess.run([binary, "init", "--quiet"], env={"PROOFMARK_HOME": str(home), "PATH": "/usr/bin:/bin"}, check=True, capture_output=True)
    if picture:
        plain, marked = lossless(files[0], work)
        return draw(decode(plain), stamp(binary, home, plain, marked), picture)
    import zimtohrli
    from visqol import VisqolApi
    visqol = VisqolApi()
    visqol.create(mode="audio")
    rows = []
    print(f"{'file':34s} {'SNR':>6s} {'LU':>6s} {'ViSQOL':>7s} {'Zimt.':>6s} {'lag':>4s}")
    for f in files:
        plain, marked = lossless(f, work)
        a, rate = decode(plain)
        if beside:
            b = audiowmark(a, rate)
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "f32le", "-ar", str(rate), "-ac", str(a.shape[1]), "-i", "-", "-c:a", "pcm_s24le", marked], input=b.astype("<f4").tobytes(), check=True)
        else:
            b = stamp(binary, home, plain, marked)
        assert a.shape == b.shape, f"{f}: {a.shape} became {b.shape}"
        snr = 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())
        x, y = at_48k(a, rate), at_48k(b, rate)
        n = 1 << int(np.ceil(np.log2(2 * len(x))))
        correlation = np.fft.irfft(np.fft.rfft(y, n) * np.conj(np.fft.rfft(x, n)), n)
        lag = int(np.argmax(correlation))
        rows.append((snr, loudness(marked) - loudness(plain), visqol.measure_from_arrays(x, y, 48000).moslqo, float(zimtohrli.mos_from_signals(x.astype(np.float32), y.astype(np.float32))), lag - n if lag > n // 2 else lag))
        print(f"{Path(f).stem[:34]:34s} {rows[-1][0]:6.1f} {rows[-1][1]:6.2f} {rows[-1][2]:7.3f} {rows[-1][3]:6.3f} {rows[-1][4]:4d}", flush=True)
    for i, name in enumerate(["SNR dB", "loudness LU", "ViSQOL", "Zimtohrli", "lag samples"]):
        v = [r[i] for r in rows]
        print(f"{name}: median {statistics.median(v):.3f} least {min(v):.3f} most {max(v):.3f}")


def draw(plain, marked, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    (a, rate), b = plain, marked
    figure, axes = plt.subplots(3, 1, figsize=(10, 9), sharex=True, sharey=True, layout="constrained")
    for axis, x, title in zip(axes, [a, b, b - a], ["as it was", "marked", "what was added"]):
        axis.specgram(x.mean(1) + 1e-9, NFFT=1024, noverlap=768, Fs=rate, vmin=-160, vmax=-40, cmap="magma")
        axis.set_ylim(0, 12000)
        axis.set_ylabel("Hz")
        axis.set_title(title, loc="left", fontsize=10)
    axes[-1].set_xlabel("seconds")
    figure.savefig(path, dpi=80)
    from PIL import Image
    # Few colours tell as much, in a tenth of the bytes.
    Image.open(path).convert("RGB").quantize(40).save(path, optimize=True)


main()
