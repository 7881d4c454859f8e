"""What does the queue cost? python3 scripts/queue_speed.py PROOFMARK FOLDER [--jobs 10000] [--claims 4000]

  overhead  verifies a tiny stamped clip JOBS times through two workers, and the same by two commands without a queue; the difference in milliseconds of a worker a job
  alone     jobs that end as soon as they are claimed, as their file is not there, through one worker, and the same files by one command: that difference without the noise of the work
  claims    such jobs through eight workers: claims, results included, a second
Both against a database of its own that writes to disk as it should (fsync).
"""
import argparse
import os
import shutil
import subprocess
import time
from pathlib import Path

from queue_database import Database


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("folder", type=Path)
    p.add_argument("--jobs", type=int, default=10_000)
    p.add_argument("--claims", type=int, default=4_000)
    a = p.parse_args()
    binary, folder = str(Path(a.binary).resolve()), a.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    database = Database(folder / "database")
    os.environ.update(PROOFMARK_HOME=str(folder / "home"), PROOFMARK_QUEUE=database.url)

    def ours(*arguments):
        return subprocess.run([binary, *map(str, arguments)], capture_output=True, check=False)

    def together(commands):
        began = time.perf_counter()
        running = [subprocess.Popen([binary, *map(str, c)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands]
        codes = [r.wait() for r in running]
        return time.perf_counter() - began, codes

    def submit(verb, file, count):
        began = time.perf_counter()
        for first in range(0, count, 1000):
            assert ours("submit", verb, *[file] * min(1000, count - first)).returncode == 0
        return time.perf_counter() - began

    ours("init", "--quiet")
    unmarked, clip = folder / "unmarked.mp4", folder / "tiny.mp4"
    subprocess.run([*"ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=160x160:d=0.2:r=10 -c:v libx264".split(), unmarked], check=True)
    assert ours("stamp", unmarked, "-o", clip, "--register", "never").returncode == 0
    # A command takes a file once, whatever it is called twice by: so it has names of its own for each.
    names = [folder / f"tiny-{i}.mp4" for i in range(500)]
    for name in names:
        os.link(clip, name)
    jobs = a.jobs
    # By halves, so that what else the machine does falls on both alike.
    plain = queued = submitting = 0
    for _ in range(2):
        files = jobs // 4
        batches = [files - done if files - done < 500 else 500 for done in range(0, files, 500)]
        for batch in batches:
            took, codes = together([["verify", "--registry", "none", "--jobs", "1", *names[:batch]]] * 2)
            assert set(codes) <= {0, 1}, codes
            plain += took
        submitting += submit("verify", clip, 2 * files)
        took, codes = together([["worker", "--until-empty", "--registry", "none", "--quiet"]] * 2)
        assert codes == [0, 0], codes
        queued += took
    done = 4 * (jobs // 4)
    print(f"{done} jobs by two workers: {1e3 * queued * 2 / done:.2f} ms of a worker a job; by two commands {1e3 * plain * 2 / done:.2f} ms a file; overhead {1e3 * (queued - plain) * 2 / done:.2f} ms a job")
    print(f"submitted at {done / submitting:.0f} jobs a second, a thousand a command")
    (ended,), = database.rows("SELECT count(*) FROM proofmark_results")
    assert int(ended) == done, ended

    none, bare = folder / "none.mp4", ["--registry", "none", "--no-sandbox"]
    submit("verify", none, 1000)
    queued, _ = together([["worker", "--until-empty", "--quiet", *bare]])
    plain, _ = together([["verify", "--jobs", "1", *bare, *[folder / f"none-{i}.mp4" for i in range(1000)]]])
    print(f"1000 jobs without work by one worker: {queued:.2f} ms a job; by one command {plain:.2f} ms a file; overhead {queued - plain:.2f} ms a job")
    database.psql("TRUNCATE proofmark_jobs CASCADE")

    submit("verify", none, a.claims)
    took, codes = together([["worker", "--until-empty", "--quiet", *bare]] * 8)
    assert codes == [0] * 8, codes
    first, last, count = database.rows("SELECT extract(epoch FROM min(started)), extract(epoch FROM max(ended)), count(*) FROM proofmark_jobs WHERE state = 'failed'")[0]
    print(f"{count} claims with their results by eight workers: {int(count) / (float(last) - float(first)):.0f} a second ({took:.1f} s with their start)")
    database.stop()


if __name__ == "__main__":
    main()
