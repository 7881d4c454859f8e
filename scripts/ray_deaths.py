"""Kills nodes and workers of a Ray cluster while clips are stamped and verified, and counts what came of it.

    ray_deaths.py CLIP [--rounds 100] [--clips 12] [--work DIR] [--store s3://bucket/folder?endpoint_override=...]

A cluster of three nodes on this machine, a registry in SQLite. In each round some clips are stamped,
each under a job of its own; meanwhile a node, an actor or the process beside one is killed. What Ray
does not run again of itself is run again by whoever asked, as an engine would. In the end each clip
must be there, whole, once, and known as it is.
"""
import argparse
import hashlib
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait

import psutil
import ray
from ray.cluster_utils import Cluster

import proofmark as pm
import proofmark.ray as pmr
from proofmark._stores import local


def victims(kind):
    """Processes of actors, or those beside them."""
    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        line = " ".join(process.info["cmdline"] or [])
        actor = "ray::" in line and "_Worker" in line or "ray::MapWorker" in line
        beside = "multiprocessing.spawn" in line and "--multiprocessing-fork" in line
        if (kind == "actor" and actor) or (kind == "process" and beside):
            found.append(process.pid)
    return found


class Killer:
    def __init__(self, cluster, seed):
        self.cluster, self.random = cluster, random.Random(seed)
        self.nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        self.killed = {"node": 0, "actor": 0, "process": 0}

    def strike(self):
        kind = self.random.choice(["node", "actor", "process", "process"])
        if kind == "node":
            node = self.nodes.pop(self.random.randrange(len(self.nodes)))
            self.cluster.remove_node(node, allow_graceful=False)
            self.nodes.append(self.cluster.add_node(num_cpus=1))
        else:
            pids = victims(kind)
            if not pids:
                return
            try:
                os.kill(self.random.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                return
        self.killed[kind] += 1


def finish(make, killer, seconds):
    """Runs a dataset to its end while something is killed; runs it again as often as it fails."""
    tries = 0
    while True:
        tries += 1
        with ThreadPoolExecutor(1) as pool:
            # Nodes are added by the main thread alone.
            running = pool.submit(lambda: make().take_all())
            if tries == 1:
                wait([running], seconds)
                killer.strike()
            try:
                rows = running.result()
            except ray.exceptions.RayError as e:
                print(f"  again: {type(e).__name__}", flush=True)
                continue
        dead = [r for r in rows if r["code"] in ("worker.died", "worker.late") or "another attempt" in r["error"]]
        if not dead:
            return rows, tries


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("clip", type=pathlib.Path)
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--clips", type=int, default=12)
    p.add_argument("--work", type=pathlib.Path, default=None)
    p.add_argument("--store", default=None, help="where targets go, with a %%s for their name")
    a = p.parse_args()
    work = a.work or pathlib.Path(tempfile.mkdtemp(prefix="deaths-"))
    (work / "out").mkdir(parents=True, exist_ok=True)
    pm.Key.generate().save(work / "mark.key")
    pm.Identity.make_test(work / "chain.pem", work / "signer.pem")
    place = a.store or f"{work}/out/%s"
    desk = {
        "keys": [str(work / "mark.key")],
        "identity": (str(work / "chain.pem"), str(work / "signer.pem")),
        "registry": str(work / "registry.db"),
    }
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    ray.init(address=cluster.address, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    killer = Killer(cluster, 7)
    began, targets, runs, earlier = time.time(), {}, 0, 0
    for number in range(a.rounds):
        rows = [
            {"path": str(a.clip), "target": place % f"{number}-{i}.mp4", "job": f"{number}-{i}"}
            for i in range(a.clips)
        ]
        stamp = lambda: pmr.stamp(rows, workers=(1, 3), options={"crf": "28", "preset": "ultrafast"}, **desk)
        done, tries = finish(stamp, killer, killer.random.uniform(1, 8))
        runs += tries
        for row in done:
            assert not row["error"], row
            earlier += row["earlier"]
            assert targets.setdefault(row["target"], row["payload"]) == row["payload"]
        ask = lambda: pmr.verify([r["target"] for r in rows], workers=(1, 3), **desk)
        told, tries = finish(ask, killer, killer.random.uniform(1, 6))
        runs += tries
        wrong = [r for r in told if r["verdict"] != "intact"]
        assert not wrong, wrong
        if number % 10 == 9:
            print(f"{number + 1} rounds, {len(targets)} clips, killed {killer.killed}, {time.time() - began:.0f} s", flush=True)
    registry = pm.Registry(desk["registry"])
    lost = doubled = unlike = 0
    for target, payload in targets.items():
        entry = registry.entry(payload)
        with local(target) as path:
            digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
        lost += entry is None
        unlike += entry is not None and entry["content"] != digest
    doubled = len(registry) - len(set(targets.values()))
    print(
        f"{a.rounds} rounds, {len(targets)} clips stamped and verified in {runs} runs, killed {killer.killed}, "
        f"{earlier} found finished; lost {lost}, doubled {doubled}, unlike their entry {unlike}, "
        f"registry {registry.check() or 'whole'}, {time.time() - began:.0f} s"
    )
    ray.shutdown()
    cluster.shutdown()
    return 1 if lost or doubled or unlike else 0


sys.exit(main())
