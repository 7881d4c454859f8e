#!/usr/bin/env python3
"""What a worker costs: `isolation_cost.py PROOFMARK [RUNS]`.

Verifies a tiny clip with and without workers, by turns, so that what else the machine does falls on both alike: one file a command, and many files a command.
Times in milliseconds; the differences are medians of pairs. Processor time is not told: of processes that are killed as nobody needs them any more, none is
charged to who started them."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def run(command, environment):
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    return 1e3 * (time.perf_counter() - began)


def main():
    program, runs = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PROOFMARK_HOME": f"{folder}/home"}
        subprocess.run([program, "init", "--quiet"], env=environment, check=True, capture_output=True)
        clip = f"{folder}/tiny.mp4"
        make = "ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=160x160:d=0.2:r=10 -c:v libx264"
        subprocess.run([*make.split(), clip], check=True)
        clips = [f"{folder}/{i}.mp4" for i in range(20)]
        for copy in clips:
            shutil.copy(clip, copy)
        for files, turns in ((1, runs), (20, max(1, runs // 10))):
            with_workers, without = [], []
            for _ in range(turns):
                with_workers.append(run([program, "verify", *clips[:files]], environment))
                without.append(run([program, "verify", "--no-sandbox", *clips[:files]], environment))
            print(f"{files} a command, {turns} commands each way")
            a, b = ([x / files for x in times] for times in (with_workers, without))
            pairs = statistics.median(x - y for x, y in zip(a, b))
            print(f"  a file: with {statistics.median(a):.1f} ms, without {statistics.median(b):.1f} ms, difference {pairs:.1f} ms; least {min(a):.1f} and {min(b):.1f} ms")


if __name__ == "__main__":
    main()
