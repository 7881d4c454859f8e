#!/usr/bin/env python3
"""Reads what we write with the readers of others: readers.py PROOFMARK MEDIA [--work DIR]

One small file of each kind is stamped or signed into the folder MEDIA, and read with PyPI's
c2pa-python and encypher-c2pa and npm's c2pa-node, c2pa-wasm and c2pa-ts, in the versions that
scripts/readers/ names. They go to DIR, which later runs use again. Prints a Markdown table, and
exits with 1 where a file is not valid for a reader of its kind.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "readers"
PYTHON = ("c2pa-python", "encypher-c2pa")
NODE = ("c2pa-node", "c2pa-wasm", "c2pa-ts")
# Kinds that we write, with the input that each is made from.
KINDS = {
    "mp4": ("clip", "video/mp4"),
    "mov": ("clip", "video/quicktime"),
    "mkv": ("clip", "video/x-matroska"),
    "webm": ("clip", "video/webm"),
    "m4a": ("sound", "audio/mp4"),
    "wav": ("sound", "audio/wav"),
    "mp3": ("sound", "audio/mpeg"),
    "flac": ("sound", "audio/flac"),
    "ogg": ("sound", "audio/ogg"),
    "png": ("picture", "image/png"),
    "jpg": ("picture", "image/jpeg"),
    "webp": ("picture", "image/webp"),
}
VIDEO = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=24:duration=2"]
AUDIO = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
INPUTS = {
    "clip.mp4": VIDEO + AUDIO + H264,
    "fragments.mp4": VIDEO + AUDIO + H264 + ["-movflags", "+frag_keyframe+empty_moov"],
    "sound.wav": AUDIO,
    "picture.png": VIDEO + ["-frames:v", "1"],
}
NOT_READ = ("not a kind it reads", "no sidecars", "looks for an older media type",
            "no segments by themselves", "hashes segments otherwise")


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def prepare(work):
    """Installs the readers, unless they are there in the versions that are asked for."""
    work.mkdir(parents=True, exist_ok=True)
    wanted = {name: (HERE / name).read_text() for name in ("requirements.txt", "package.json")}
    there = work / "installed.json"
    shutil.copy(HERE / "read.mjs", work)
    if there.is_file() and json.loads(there.read_text()) == wanted:
        return
    run(sys.executable, "-m", "venv", work / "venv")
    run(work / "venv/bin/pip", "install", "--quiet", "--requirement", HERE / "requirements.txt")
    shutil.copy(HERE / "package.json", work)
    # c2pa-node would load a program from elsewhere when installed; the package has one.
    run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", cwd=work)
    there.write_text(json.dumps(wanted))


def versions():
    """The readers in the versions that are asked for."""
    python = (HERE / "requirements.txt").read_text().split()
    node = json.loads((HERE / "package.json").read_text())["dependencies"]
    found = [tuple(line.split("==")) for line in python] + list(node.items())
    return [f"{name} {version}" for name, version in found if "c2pa" in name]


def ask(work, what, questions):
    """Answers of one reader, or of the evaluator of rubrics."""
    if what in NODE or what == "rubric":
        command = ["node", work / "read.mjs", what]
    else:
        command = [work / "venv/bin/python", HERE / "read.py", what]
    return json.loads(run(*command, input=json.dumps(questions)))


def question(path, roots=None):
    """A file as the readers are asked for it: with the manifest beside it, where there is one."""
    kind, sidecar = path.suffix[1:], path.with_suffix(".c2pa")
    mime = KINDS[kind][1] if kind in KINDS else f"image/{kind}"
    beside = str(sidecar) if kind in ("mkv", "webm", "ogg") and sidecar.is_file() else None
    segments = [str(p) for p in sorted(path.parent.glob("*.m4s"))]
    return {"path": str(path), "mime": mime, "sidecar": beside, "roots": roots, "segments": segments}


def write(proofmark, media):
    """Files of each kind, by what they are."""
    sources = {}
    for name, options in INPUTS.items():
        sources[pathlib.Path(name).stem] = media / name
        run("ffmpeg", "-y", "-loglevel", "error", *options, media / name)
    home = media / "home"
    if not home.exists():
        run(proofmark, "init", "--home", home)

    def make(verb, source, target):
        run(proofmark, verb, "--quiet", "--force", "--home", home, source, "--output", target)
        return target

    files = {}
    for kind, (source, _) in KINDS.items():
        first = make("stamp", sources[source], media / f"{kind}-stamped.{kind}")
        files[kind] = first
        files[f"{kind}, of a stamped one"] = make("stamp", first, media / f"{kind}-twice.{kind}")
    signed = make("sign", sources["clip"], media / "mp4-signed.mp4")
    files["mp4, signed"] = signed
    files["mp4, signed twice"] = make("sign", signed, media / "mp4-signed-twice.mp4")
    fragments = media / "mp4-fragments.mp4"
    files["mp4 in fragments, signed"] = make("sign", sources["fragments"], fragments)
    shutil.rmtree(media / "package", ignore_errors=True)
    run(proofmark, "stamp", "--quiet", "--home", home, sources["clip"], "--output", media / "package",
        "--package", "hls,dash", "--segment", "1", "--ladder", "240,120")
    for rendition in ("video-240p", "video-120p", "audio"):
        files[f"hls and dash, {rendition}"] = media / "package" / rendition / "init.mp4"
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proofmark", type=pathlib.Path)
    parser.add_argument("media", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    options = parser.parse_args()
    options.media.mkdir(parents=True, exist_ok=True)
    work = (options.work or pathlib.Path(tempfile.gettempdir()) / "proofmark-readers").resolve()
    prepare(work)
    files = write(options.proofmark.resolve(), options.media)
    questions = [question(path) for path in files.values()]
    answers = {reader: ask(work, reader, questions) for reader in PYTHON + NODE}
    print("| file |", " | ".join(answers), "|")
    print("| --- |" + " --- |" * len(answers))
    for i, name in enumerate(files):
        print(f"| {name} |", " | ".join(answers[reader][i] for reader in answers), "|")
    print("\nVersions:", ", ".join(versions()) + ".")
    bad = [a for found in answers.values() for a in found if a not in ("Valid", *NOT_READ)]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
