"""How does the server bear load, and being killed? python3 scripts/serving.py BIN FOLDER CLIP [--registry postgres://…] [--kinds bindings,uploads,kills]

Against the SQLite registry of a home in FOLDER, or the (empty) PostgreSQL database that is named:
  bindings  byBinding look-ups by wrk, 16 connections for 15 s, with a million soft bindings (--bindings)
  uploads   a hundred uploads of CLIP at once to /v1/verify; memory beside that of as many as there are jobs
  kills     a hundred rounds (--rounds) of kill -9 while bindings are stored; every one that was acknowledged must be there, and the registry whole
Needs wrk, and psql for PostgreSQL.
"""
import argparse
import base64
import collections
import hashlib
import http.client
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time
import uuid
from pathlib import Path

ALGORITHM = "org.proofmark.video.2"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("folder", type=Path)
    p.add_argument("clip", type=Path)
    p.add_argument("--registry", help="a postgres:// URL [default: the SQLite file of the home]")
    p.add_argument("--kinds", default="bindings,uploads,kills", help="separated by commas [default: all]")
    p.add_argument("--bindings", type=int, default=1_000_000)
    p.add_argument("--uploads", type=int, default=100)
    p.add_argument("--rounds", type=int, default=100)
    a = p.parse_args()
    folder = a.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROOFMARK_HOME"] = str(folder / "home")
    if a.registry:
        os.environ["PROOFMARK_REGISTRY"] = a.registry
    trial = Trial(str(Path(a.binary).resolve()), folder, a)
    for kind in a.kinds.split(","):
        getattr(trial, kind)()


class Trial:
    def __init__(self, binary, folder, options):
        self.binary, self.folder, self.options = binary, folder, options
        if not (folder / "home").exists():
            self.ours("init")
        (folder / "home" / "config.toml").write_text("[serve]\nrate = 0\n")
        server, _ = self.serve()  # makes the tables
        server.terminate()
        server.wait()
        self.name = f"{'PostgreSQL' if options.registry else 'SQLite':10s}"

    def ours(self, *arguments):
        return subprocess.run([self.binary, *map(str, arguments)], check=True, capture_output=True, text=True).stdout

    def serve(self):
        """A server, once it answers, and its port."""
        server = subprocess.Popen([self.binary, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in server.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                threading.Thread(target=server.stdout.read, daemon=True).start()
                return server, int(found[1])
        raise SystemExit("the server does not start")

    def bindings(self):
        count = self.options.bindings
        values = [hashlib.sha256(str(i).encode()).digest()[:16] for i in range(count)]
        rows = ((f"urn:c2pa:{uuid.UUID(bytes=v, version=4)}", v) for v in values)
        start = time.time()
        if self.options.registry:
            entries = subprocess.Popen(["psql", "-q", self.options.registry], stdin=subprocess.PIPE, text=True)
            rows = list(rows)
            entries.stdin.write("COPY entries (id, content, media_type, stamped) FROM STDIN;\n")
            entries.stdin.writelines(f"{i}\t\\\\x{v.hex() * 2}\tvideo/mp4\t0\n" for i, v in rows)
            entries.stdin.write("\\.\nCOPY bindings (alg, value, id) FROM STDIN;\n")
            entries.stdin.writelines(f"{ALGORITHM}\t\\\\x{v.hex()}\t{i}\n" for i, v in rows)
            entries.stdin.write("\\.\nANALYZE;\n")
            entries.stdin.close()
            assert entries.wait() == 0
        else:
            with sqlite3.connect(self.folder / "home" / "registry.db") as db:
                for i, v in rows:
                    db.execute("INSERT INTO entries (id, content, media_type, stamped) VALUES (?, ?, 'video/mp4', 0)", (i, v * 2))
                    db.execute("INSERT INTO bindings (alg, value, id) VALUES (?, ?, ?)", (ALGORITHM, v, i))
        print(f"{self.name} {count} bindings put in, {time.time() - start:.0f} s", flush=True)
        asked = [base64.urlsafe_b64encode(v).decode().rstrip("=") for v in random.Random(1).sample(values, min(count, 20_000))]
        lua = self.folder / "ask.lua"
        lua.write_text("local v = {" + ",".join(f'"{v}"' for v in asked) + "}\nrequest = function() return wrk.format('GET', '/v1/matches/byBinding?alg=" + ALGORITHM
                       + "&value=' .. v[math.random(#v)]) end\n")
        server, port = self.serve()
        found = get(port, f"/v1/matches/byBinding?alg={ALGORITHM}&value={asked[0]}")
        assert found[0] == 200 and len(json.loads(found[1])["matches"]) == 1, found
        told = subprocess.run(["wrk", "-t1", "-c16", "-d15s", "--latency", "-s", lua, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True).stdout
        print(re.sub(r"(?m)^", f"{self.name} ", told.strip()))
        print(f"{self.name} peak memory of the server {peak(server)} MB", flush=True)
        server.terminate()
        server.wait()

    def uploads(self):
        body = self.options.clip.read_bytes()

        def burst(port, count):
            told = []

            def send():
                try:
                    told.append(post(port, "/v1/verify", body, 900))
                except OSError as e:
                    told.append((type(e).__name__, b"{}"))

            threads = [threading.Thread(target=send) for _ in range(count)]
            [t.start() for t in threads]
            [t.join() for t in threads]
            return collections.Counter(f"{status} {json.loads(text).get('verdict', '')}".strip() for status, text in told)

        for count in (os.cpu_count(), self.options.uploads):
            server, port = self.serve()
            start = time.time()
            told = burst(port, count)
            print(f"uploads at once: {count} of {len(body) / 1e6:.0f} MB in {time.time() - start:.0f} s, {dict(told)}, peak memory {peak(server)} MB", flush=True)
            server.terminate()
            server.wait()

    def kills(self):
        clip = self.folder / "stamped.mp4"
        stamped = json.loads(self.ours("stamp", self.options.clip, "-o", clip, "--force", "--json"))
        name = "kills-" + uuid.uuid4().hex[:8]
        token = json.loads(self.ours("tokens", "add", name, "--scope", "store:bindings", "--json"))["token"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        manifest = f"urn:c2pa:{stamped['payload']}"
        chance, acknowledged, lost, wrong = random.Random(7), [], 0, 0
        for number in range(self.options.rounds):
            server, port = self.serve()
            fresh, ended = [], threading.Event()

            def store(thread):
                i = 0
                while not ended.is_set():
                    value = base64.b64encode(f"{name} {number} {thread} {i}".encode()).decode()
                    try:
                        status, _ = post(port, "/v1/bindings", json.dumps({"alg": "trial", "bindingValue": value, "manifestId": manifest}).encode(), 10, headers)
                    except (OSError, http.client.HTTPException):
                        return
                    if status == 204:
                        fresh.append(value)
                    i += 1

            threads = [threading.Thread(target=store, args=(t,)) for t in range(4)]
            [t.start() for t in threads]
            time.sleep(chance.uniform(0.02, 0.5))
            server.send_signal(signal.SIGKILL)
            server.wait()
            ended.set()
            [t.join() for t in threads]
            checked = subprocess.run([self.binary, "registry", "check", "--json"], capture_output=True, text=True)
            wrong += checked.returncode != 0
            acknowledged += fresh
        server, port = self.serve()
        for value in acknowledged:
            status, text = get(port, "/v1/matches/byBinding?alg=trial&value=" + value.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"))
            lost += status != 200 or json.loads(text)["matches"] != [{"manifestId": manifest}]
        server.terminate()
        server.wait()
        print(f"{self.name} kill -9: {self.options.rounds} rounds, {len(acknowledged)} bindings acknowledged, {lost} lost, registry damaged in {wrong} rounds", flush=True)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def post(port, path, body, timeout, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("POST", path, body, headers or {"content-type": "video/mp4"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def peak(server):
    """Most memory that a process has had, in megabytes."""
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())[1]) / 1e3)


main()
