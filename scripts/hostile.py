#!/usr/bin/env python3
"""Throws mutated files at `proofmark verify`: `hostile.py PROOFMARK FOLDER FILE... --count N`.

Each file is a real one with some of its structure broken: MP4 boxes and RIFF chunks with other sizes and types, doubled, removed, nested or swapped; the bytes of
the manifest; random bytes; truncation. Files under which the program crashes, hangs, or says more than one line are kept in FOLDER, and counted, with what else came of
them. The seed makes a run repeatable."""

import argparse
import collections
import json
import os
import random
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"mvex", b"moof", b"traf", b"jumb"}
VERDICTS = {0, 1, 3}


def boxes(data, start=0, end=None, depth=0):
    """(place, head, size, depth) of each MP4 box."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1 and start + 16 <= end:
            size, head = struct.unpack(">Q", data[start + 8 : start + 16])[0], 16
        size = end - start if size == 0 else size
        if size < head or start + size > end:
            return
        yield start, head, size, depth
        if kind in CONTAINERS and depth < 12:
            yield from boxes(data, start + head, start + size, depth + 1)
        start += size


def chunks(data, start=12, end=None, depth=0):
    """(place, head, size, depth) of each RIFF chunk."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        kind, size = struct.unpack("<4sI", data[start : start + 8])
        whole = 8 + size + size % 2
        if start + 8 + size > end:
            return
        yield start, 8, min(whole, end - start), depth
        if kind in (b"LIST", b"RIFF") and depth < 12:
            yield from chunks(data, start + 12, start + 8 + size, depth + 1)
        start += whole


def parts(data):
    if data[:4] == b"RIFF":
        return list(chunks(data)), "<"
    if data[4:8] in (b"ftyp", b"styp", b"moov"):
        return list(boxes(data)), ">"
    return [], ">"


def manifest(data):
    """Where the manifest store lies."""
    at = data.find(b"jumb")
    return (max(0, at - 4), min(len(data), at + 30_000)) if at >= 0 else None


def odd(rng):
    return rng.choice([0, 1, 2, 7, 8, 9, 15, 16, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF, rng.getrandbits(32)])


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        found, order = parts(bytes(data))
        way = rng.randrange(12)
        if found and way < 8:
            start, head, size, _ = rng.choice(found)
            at = start if order == ">" else start + 4
            part = bytes(data[start : start + size])
            if way == 0:
                data[at : at + 4] = struct.pack(order + "I", odd(rng))
            elif way == 1:
                data[at : at + 4] = struct.pack(order + "I", max(0, size + rng.randint(-40, 40)))
            elif way == 2:
                kind = start + 4 if order == ">" else start
                other = rng.choice(found)[0] + (4 if order == ">" else 0)
                data[kind : kind + 4] = data[other : other + 4]
            elif way == 3 and len(data) + size < 8 << 20:
                data[start:start] = part * rng.choice([1, 1, 2, 50 if size < 4096 else 1])
            elif way == 4:
                del data[start : start + size]
            elif way == 5 and size < 1 << 20:
                # A box within a box within a box.
                kind = part[4:8] if order == ">" else part[:4]
                for _ in range(rng.choice([1, 10, 500, 3000])):
                    part = (struct.pack(">I", len(part) + 8) + kind if order == ">" else kind + struct.pack("<I", len(part))) + part
                data[start : start + size] = part
            else:
                # A field, where counts and offsets lie.
                body = range(start + head, max(start + head + 1, min(start + size, start + head + 400) - 4))
                place = rng.choice(body)
                data[place : place + 4] = struct.pack(order + "I", odd(rng))
        elif way == 8 and (store := manifest(bytes(data))):
            for _ in range(rng.choice([1, 5, 40])):
                data[rng.randrange(*store)] = rng.choice([0, 0x5F, 0x7F, 0x9B, 0xBB, 0xFF, rng.randrange(256)])
        elif way == 9:
            del data[rng.randrange(1, len(data)) :]
        elif way == 10 and (store := manifest(bytes(data))):
            place = rng.randrange(*store)
            data[place : place + 4] = struct.pack(">I", odd(rng))
        else:
            reach = len(data) if rng.random() < 0.3 else min(len(data), 60_000)
            for _ in range(rng.choice([1, 10, 200])):
                data[rng.randrange(reach)] = rng.randrange(256)
        if len(data) < 16:
            break
    return bytes(data)


def classify(report):
    """What came of one file, and what was said of it."""
    if "verdict" in report:
        return "verdict: " + report["verdict"], ""
    told = report["error"]
    for sign, what in (
        ("was killed by", "worker crashed"),
        ("that looked at it failed", "worker panicked"),
        ("took longer than", "worker slow"),
        ("processor time", "worker slow"),
        ("needed more memory", "worker out of memory"),
        ("no answer that makes sense", "worker senseless"),
    ):
        if sign in told:
            return what, told
    return "error", told


def judge(command, environment, paths, seconds):
    """What came of each of the files of one command, and what it said."""
    try:
        done = subprocess.run([*command, *paths], env=environment, capture_output=True, timeout=seconds * len(paths))
    except subprocess.TimeoutExpired:
        return [("time-out", "")] * len(paths)
    errors = done.stderr.decode(errors="replace")
    try:
        reports = {report["file"]: report for report in map(json.loads, done.stdout.splitlines())}
        came = [classify(reports[path]) for path in paths]
    except (ValueError, KeyError):
        came = [("no report", errors)] * len(paths)
    if done.returncode < 0 or done.returncode == 101 or "panicked" in errors and not any(w == "worker panicked" for w, _ in came):
        return [("parent crashed", errors)] * len(paths)
    # One line for each file that failed, and one that sums up where there are several.
    failed = sum("verdict" not in what for what, _ in came)
    lines = [line for line in errors.splitlines() if not (len(paths) > 1 and line.startswith("summary: "))]
    if len(lines) != failed or (done.returncode in VERDICTS) == bool(failed):
        return [("unclean", f"exit {done.returncode}: {errors}")] * len(paths)
    return came


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="commands at a time")
    parser.add_argument("--together", type=int, default=20, help="files of one command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120, help="after which a file counts as a time-out")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no more files are begun")
    parser.add_argument("--no-marks", action="store_true", help="without a watermark key, so that files are parsed and no mark is looked for: many times quicker")
    parser.add_argument("--option", action="append", default=[], help="more arguments of verify, such as --option=--no-sandbox")
    a = parser.parse_args()
    program = os.path.abspath(a.program)
    os.makedirs(a.folder, exist_ok=True)
    environment = {**os.environ, "PROOFMARK_HOME": os.path.join(os.path.abspath(a.folder), "home")}
    if not a.no_marks and not os.path.isdir(environment["PROOFMARK_HOME"]):
        subprocess.run([program, "init", "--quiet"], env=environment, check=True, capture_output=True)
    originals = [(os.path.basename(f), open(f, "rb").read()) for f in a.files]

    end = time.monotonic() + 60 * a.minutes

    def some(numbers):
        if time.monotonic() > end:
            return ["not tried"] * len(numbers)
        paths = []
        for number in numbers:
            rng = random.Random(f"{a.seed}.{number}")
            name, data = rng.choice(originals)
            paths.append(os.path.join(a.folder, f"{a.seed}-{number}-{name}"))
            with open(paths[-1], "wb") as f:
                f.write(mutate(data, rng))
        judged = judge([program, "verify", "--json", "--jobs", "1", *a.option], environment, paths, a.seconds)
        for path, (came, told) in zip(paths, judged):
            if came.startswith("verdict") or came == "error":
                os.remove(path)
            else:
                print(f"{came}: {path}: {told[:400]!r}", flush=True)
        return [came for came, _ in judged]

    with ThreadPoolExecutor(a.jobs) as pool:
        groups = [range(first, min(first + a.together, a.count)) for first in range(0, a.count, a.together)]
        counts = collections.Counter(came for group in pool.map(some, groups) for came in group)
    for what, n in counts.most_common():
        print(f"{n:8} {what}")
    bad = sum(counts[w] for w in ("parent crashed", "time-out", "no report", "unclean"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
