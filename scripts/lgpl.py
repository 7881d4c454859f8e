#!/usr/bin/env python3
"""The program on a libav without parts under the GPL.

lgpl.py PROOFMARK [CLIP] [--work DIR]

Builds Debian's FFmpeg from its sources without x264, x265 and whatever else is under the GPL, with OpenH264, SVT-AV1 and libvpx, as shared libraries in DIR/out, and has the
program, as it is, work with those: it is linked to libav by name, and asks for encoders by theirs. `PKG_CONFIG_PATH=DIR/out/lib/pkgconfig cargo build` links to them for good.
Copies are made, and looked into, by the system's own ffmpeg. What building takes is said where it is missing.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

NEEDS = "nasm libdav1d-dev libmp3lame-dev libopenh264-dev libopus-dev libsvtav1enc-dev libvorbis-dev libvpx-dev libwebp-dev zlib1g-dev".split()
# Nothing is taken in because it happens to be there.
CONFIGURE = "--enable-shared --disable-static --disable-programs --disable-doc --disable-debug --disable-autodetect --enable-zlib " + " ".join(
    f"--enable-lib{name}" for name in "dav1d mp3lame openh264 opus svtav1 vorbis vpx webp".split()
)

# What is stamped, as what, and what ffprobe says of its picture or else of its sound.
STAMPED = {
    "H.264, as it comes": ("", "a.mp4", "h264,High"),
    "H.264, smaller": ("--crf 26", "b.mp4", "h264,High"),
    "H.264, at a rate": ("--bitrate 1500000", "c.mov", "h264,High"),
    "H.264, of another profile": ("--profile main --gop 1s", "d.mp4", "h264,Main"),
    "H.264, in fragments": ("--movflags frag_keyframe+empty_moov", "e.mp4", "h264,High"),
    "AV1": ("--video-codec av1 --preset 10", "f.mp4", "av1"),
    "VP9 and Opus": ("--preset 8", "g.webm", "vp9"),
    "FFV1 and FLAC": ("--video-codec ffv1 --audio-codec flac", "h.mkv", "ffv1"),
    "sound": ("", "i.m4a", "aac"),
    "sound, MP3": ("", "j.mp3", "mp3"),
}
# What cannot be done, and what is said of it.
REFUSED = {
    "H.265": ("--video-codec h265", "k.mp4", "libav was built without it"),
    "x264 by its name": ("--encoder-options crf=20 --video-codec libx264 --preset fast", "k.mp4", "OpenH264 has none"),
    "a preset": ("--preset fast", "k.mp4", "OpenH264 has none"),
    "a tuning": ("--tune film", "k.mp4", "OpenH264 has none"),
    "a profile": ("--profile high10", "k.mp4", "constrained_baseline, main, high"),
    "ten bits": ("--pix-fmt yuv420p10le", "k.mp4", "none of its pixel formats: yuv420p"),
    "a package": ("--package hls", "k", "libav was built without it"),
}


def run(*arguments, **how):
    return subprocess.run([str(a) for a in arguments], check=True, **how)


def build(root):
    status = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *NEEDS], capture_output=True, text=True).stdout
    missing = [name for name in NEEDS if f"{name} install ok installed" not in status]
    if missing:
        sys.exit(f"error: install these packages first: {' '.join(missing)}")
    source = root / "src"
    (root / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    source.mkdir(exist_ok=True)
    # From wherever this machine has its packages of Debian.
    sources = ["apt-get", "indextargets", "--format", "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages", "Origin: Debian"]
    lines = set(run(*sources, capture_output=True, text=True).stdout.splitlines())
    (root / "sources.list").write_text("\n".join(sorted(lines)) + "\n")
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::SourceList={root}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={root}/lists"]
    run(*apt, "update", cwd=root)
    run(*apt, "source", "--download-only", "ffmpeg", cwd=root)
    run("tar", "-xf", *root.glob("ffmpeg_*.orig.tar.xz"), "-C", source, "--strip-components", 1)
    run("tar", "-xf", *root.glob("ffmpeg_*.debian.tar.xz"), "-C", source)
    for name in (source / "debian/patches/series").read_text().split():
        run("patch", "-s", "-p1", "-i", f"debian/patches/{name}", cwd=source)
    with (root / "build.log").open("w") as log:
        for step in (["./configure", f"--prefix={root}/out", *CONFIGURE.split()], ["make", f"-j{os.cpu_count()}"], ["make", "install"]):
            run(*step, cwd=source, stdout=log, stderr=log)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proofmark", type=pathlib.Path)
    arguments.add_argument("clip", type=pathlib.Path, nargs="?", default=pathlib.Path("testdata/bigbuckbunny.mp4"))
    arguments.add_argument("--work", type=pathlib.Path, default=pathlib.Path("target/lgpl"))
    args = arguments.parse_args()
    root, proofmark, clip = args.work.resolve(), args.proofmark.resolve(), args.clip.resolve()
    if not (root / "out/lib/libavfilter.so").exists():
        build(root)
    free = {**os.environ, "LD_LIBRARY_PATH": f"{root}/out/lib"}
    licence = "import ctypes; f = ctypes.CDLL('libavcodec.so.59').avcodec_license; f.restype = ctypes.c_char_p; print(f().decode())"
    licence = run(sys.executable, "-c", licence, env=free, capture_output=True, text=True).stdout.strip()
    linked = run("ldd", proofmark, env=free, capture_output=True, text=True).stdout
    assert licence.startswith("LGPL") and not any(gpl in linked for gpl in ("libx264", "libx265", "libpostproc")), (licence, linked)
    print(f"libav is under the {licence}\n")

    def ours(*arguments, code):
        out = subprocess.run([proofmark, *map(str, arguments), "--home", home], env=free, capture_output=True, text=True)
        assert out.returncode == code, (arguments, out.returncode, out.stdout, out.stderr)
        return out

    def verdict(file):
        return json.loads(ours("verify", "--json", file, code=0).stdout)["verdict"]

    with tempfile.TemporaryDirectory() as folder:
        home, work = pathlib.Path(folder) / "home", pathlib.Path(folder)
        ours("init", code=0)
        print("| stamped | MiB | the file | a copy of it |\n| --- | --- | --- | --- |")
        # An MP3 has two channels at most.
        stereo = work / "stereo.mkv"
        run("ffmpeg", "-v", "error", "-nostdin", "-i", clip, "-c:v", "copy", "-ac", 2, "-c:a", "flac", stereo)
        for name, (how, to, shown) in STAMPED.items():
            target, copy = work / to, work / f"copy-{to}.mkv"
            ours("stamp", stereo, "-o", target, "-q", *how.split(), code=0)
            probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,profile", "-of", "csv=p=0", target]
            found = run(*probe, capture_output=True, text=True).stdout
            assert found.startswith(shown), (name, found)
            run("ffmpeg", "-v", "error", "-nostdin", "-i", target, "-map_metadata", -1, "-c:v", "libx264", "-crf", 26, "-c:a", "aac", copy)
            said = verdict(target), verdict(copy)
            assert said == ("intact", "recovered"), (name, said)
            print(f"| {name} | {target.stat().st_size / 2**20:.2f} | {said[0]} | {said[1]} |", flush=True)
        print("\n| refused | what is said |\n| --- | --- |")
        for name, (how, to, says) in REFUSED.items():
            told = ours("stamp", stereo, "-o", work / to, "-q", *how.split(), code=2).stderr
            assert says in told and not (work / to).exists(), (name, told)
            line = next(line for line in told.splitlines() if says in line)
            print(f"| {name} | {line.replace(str(work) + '/', '')} |", flush=True)


if __name__ == "__main__":
    main()
