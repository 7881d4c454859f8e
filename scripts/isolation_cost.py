#!/usr/bin/env python3
"""What a worker costs: `isolation_cost.py PROOFMARK [RUNS]`.

Verifies a tiny clip with and without workers, by turns, so that what else the machine does falls on both alike: one file a command, and many files a command.
Times in milliseconds; the differences are medians of pairs."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def run(command, environment):
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (time.perf_counter() - began), 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main():
    program, runs = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PROOFMARK_HOME": f"{folder}/home"}
        subprocess.run([program, "init", "--quiet"], env=environment, check=True, capture_output=True)
        clip = f"{folder}/tiny.mp4"
        make = "ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=160x160:d=0.2:r=10 -c:v libx264"
        subprocess.run([*make.split(), clip], check=True)
        for files, turns in ((1, runs), (20, max(1, runs // 10))):
            with_workers, without = [], []
            for _ in range(turns):
                with_workers.append(run([program, "verify", *[clip] * files], environment))
                without.append(run([program, "verify", "--no-sandbox", *[clip] * files], environment))
            print(f"{files} a command, {turns} commands each way")
            for i, what in enumerate(("time", "processor time of what was waited for")):
                a, b = ([x[i] / files for x in times] for times in (with_workers, without))
                pairs = statistics.median(x - y for x, y in zip(a, b))
                print(f"  {what}, a file: with {statistics.median(a):.1f} ms, without {statistics.median(b):.1f} ms, difference {pairs:.1f} ms; least {min(a):.1f} and {min(b):.1f} ms")


if __name__ == "__main__":
    main()
