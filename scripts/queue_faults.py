"""Does every job end exactly once? python3 scripts/queue_faults.py PROOFMARK FOLDER [--rounds 200] [--workers 3]

Submits short clips to stamp, verify and detect, some of them broken, and keys that were submitted before; kills a random worker with SIGKILL each round and starts another; restarts the database
every tenth round, in turn as an administrator does and as a crash does. Then lets what is left be done, and counts: each job has one result; each stamped clip is there once, with one entry in the
registry that names its very bytes; nothing else lies about. Leaves FOLDER for who wants to look.
"""
import argparse
import collections
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from queue_database import Database


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("folder", type=Path)
    p.add_argument("--rounds", type=int, default=200)
    p.add_argument("--workers", type=int, default=3)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    random.seed(a.seed)
    trial = Trial(Path(a.binary).resolve(), a.folder.resolve(), a.workers)
    try:
        for n in range(1, a.rounds + 1):
            trial.round(n)
        trial.finish()
    finally:
        trial.close()
    raise SystemExit(trial.judge(a.rounds))


class Trial:
    def __init__(self, binary, folder, workers):
        self.binary, self.folder = binary, folder
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("out", "scratch"):
            (folder / name).mkdir(parents=True)
        self.database = Database(folder / "database")
        os.environ.update(PROOFMARK_HOME=str(folder / "home"), PROOFMARK_QUEUE=self.database.url, PROOFMARK_REGISTRY=self.database.url)
        self.ours("init", "--quiet")
        for i in range(4):
            make = f"ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=192x192:d={0.4 + 0.3 * i}:r=10 -c:v libx264 -preset ultrafast"
            subprocess.run([*make.split(), folder / f"clip{i}.mp4"], check=True)
        (folder / "broken.mp4").write_bytes((folder / "clip0.mp4").read_bytes()[:700])
        self.submitted, self.kills, self.restarts, self.began = {}, 0, 0, time.time()
        self.submit(10)
        self.workers = [self.worker() for _ in range(workers)]

    def ours(self, *arguments, check=True):
        return subprocess.run([self.binary, *map(str, arguments)], check=check, capture_output=True, text=True)

    def worker(self, *more):
        how = ["worker", "--quiet", "--jobs", "2", "--lease", "2", "--deaths", "1000", "--tries", "1000", "--scratch", self.folder / "scratch", *more]
        with open(self.folder / "workers.log", "ab") as log:
            return subprocess.Popen([self.binary, *how], stdout=log, stderr=log)

    def submit(self, count):
        """New jobs, each with a key of its own; one in five is submitted once more."""
        for _ in range(count):
            key = f"job {len(self.submitted)}"
            clip = self.folder / random.choice(["clip0.mp4", "clip1.mp4", "clip2.mp4", "clip3.mp4", "broken.mp4"])
            verb = random.choice(["stamp", "stamp", "verify", "detect"])
            target = self.folder / "out" / f"{len(self.submitted)}.{random.choice(['mp4', 'mkv'])}"
            arguments = ["submit", verb, clip, "--key", key, "--priority", random.randrange(3), "--json"]
            if verb == "stamp":
                arguments += ["-o", target, "--preset", "ultrafast"]
            for _ in range(1 + (random.random() < 0.2)):
                # The database may be away: with a key it is safe to try until it is heard.
                while (told := self.ours(*arguments, check=False)).returncode:
                    time.sleep(0.1)
                job = json.loads(told.stdout)["id"]
                assert self.submitted.setdefault(key, (job, verb, target))[0] == job, f"{key} is two jobs"

    def round(self, n):
        time.sleep(random.uniform(0.1, 0.8))
        victim = random.randrange(len(self.workers))
        self.workers[victim].kill()
        self.workers[victim].wait()
        self.kills += 1
        if n % 10 == 0:
            self.database.restart(signal.SIGINT if n % 20 else signal.SIGQUIT)
            self.restarts += 1
        self.workers[victim] = self.worker()
        if int(self.database.rows("SELECT count(*) FROM proofmark_jobs WHERE state = 'waiting'")[0][0]) < 12:
            self.submit(6)
        if n % 20 == 0:
            print(f"round {n}: {len(self.submitted)} jobs, {time.time() - self.began:.0f} s", flush=True)

    def finish(self):
        for worker in self.workers:
            worker.kill()
            worker.wait()
        # Old enough for a successor to tell that they are dead.
        time.sleep(11)
        last = self.worker("--until-empty")
        assert last.wait() == 0

    def close(self):
        for worker in self.workers:
            worker.kill()

    def judge(self, rounds):
        wrong = []
        states = collections.Counter(s for (s,) in self.database.rows("SELECT state FROM proofmark_jobs"))
        results = self.database.rows("SELECT job, count(*) FROM proofmark_results GROUP BY job")
        if {int(j) for j, _ in results} != {job for job, *_ in self.submitted.values()} or any(n != "1" for _, n in results):
            wrong.append(f"{len(results)} results of {len(self.submitted)} jobs")
        if set(states) - {"done", "failed"}:
            wrong.append(f"states {dict(states)}")
        for job, file, error in self.database.rows("SELECT id, task->>'file', error FROM proofmark_jobs WHERE state = 'failed'"):
            if not file.endswith("broken.mp4"):
                wrong.append(f"job {job}: {file} is whole, and failed: {error}")
        done = {int(j) for (j,) in self.database.rows("SELECT id FROM proofmark_jobs WHERE state = 'done'")}
        stamped = {job: target for job, verb, target in self.submitted.values() if verb == "stamp" and job in done}
        entries = json.loads(self.ours("registry", "list", "--most", 1_000_000, "--json").stdout)["entries"]
        entries = {e["payload"]: e for e in entries}
        reports = {int(j): p for j, p in self.database.rows("SELECT job, report->>'payload' FROM proofmark_results")}
        expected = set()
        for job, target in stamped.items():
            expected |= {target.name} | ({target.with_suffix(".c2pa").name} if target.suffix == ".mkv" else set())
            entry = entries.pop(reports[job], None)
            digest = hashlib.sha256(target.read_bytes()).hexdigest() if target.exists() else None
            if not entry or entry["content"] != digest or not entry["confirmed"]:
                wrong.append(f"job {job}: {target.name}: file {digest}, entry {entry}")
        wrong += [f"entry of no clip: {p}" for p in entries]
        found = {f.name for f in (self.folder / "out").iterdir()}
        if found != expected:
            wrong.append(f"stray {sorted(found - expected)}, missing {sorted(expected - found)}")
        if left := [f.name for f in (self.folder / "scratch").iterdir()]:
            wrong.append(f"left in scratch: {left}")
        deaths, most, attempts = self.database.rows("SELECT sum(deaths), max(deaths), sum(attempt) FROM proofmark_jobs")[0]
        print(f"{rounds} rounds, {self.kills} workers killed, {self.restarts} restarts of the database, {time.time() - self.began:.0f} s")
        print(f"{len(self.submitted)} jobs: {dict(states)}; {attempts} attempts, {deaths} of them cost a worker, at most {most} for one job; {len(stamped)} clips stamped")
        print("\n".join(wrong) if wrong else "each job ended exactly once, each clip is there once with its entry, nothing else is left")
        self.database.stop()
        return bool(wrong)


if __name__ == "__main__":
    main()
