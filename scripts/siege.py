#!/usr/bin/env python3
"""What honest clients of `proofmark serve` see while others besiege it, and what the server takes.

siege.py PROOFMARK CLIP [--minutes N] [--calm N] [--record FILE]

Starts a server, asks it as honest clients do for a while, then goes on with all of these at once: unread answers, connections that say nothing, dribbled heads,
dribbled bodies, endless heads of parts, bodies that break off, junk that is no media, requests under other names. Attackers and honest clients have addresses of
their own. Prints how long the honest ones waited, before and during, and memory, file handles, threads and disk of the server over time.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time

HONEST = "127.0.0.9"
ATTACKERS = [f"127.0.1.{i}" for i in range(1, 9)]
# What was seen until then is printed all the same.
interrupted = threading.Event()
HEAD = b" HTTP/1.1\r\nHost: localhost\r\n"


class Siege:
    def __init__(self, port, stop):
        self.port, self.stop, self.counts = port, stop, collections.Counter()

    def connect(self, receive=None):
        s = socket.socket()
        if receive:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        s.settimeout(30)
        s.bind((random.choice(ATTACKERS), 0))
        s.connect(("127.0.0.1", self.port))
        return s

    def keep(self, name, first, more=b"", every=1.0, receive=None, hold=60.0):
        """Opens a connection, says `first`, then `more` again and again, until it is closed; and anew."""
        while time.time() < self.stop:
            try:
                s = self.connect(receive)
                self.counts[f"{name}: opened"] += 1
                with s:
                    s.sendall(first)
                    until = min(self.stop, time.time() + hold)
                    while time.time() < until:
                        time.sleep(every)
                        if more:
                            s.sendall(more)
                        elif receive is None:
                            s.settimeout(every)
                            try:
                                if s.recv(4096) == b"":
                                    break
                            except TimeoutError:
                                pass
            except OSError:
                self.counts[f"{name}: broken off"] += 1
                time.sleep(0.2)

    def ask(self, name, request, pause):
        """Sends a whole request and takes note of the answer."""
        while time.time() < self.stop:
            try:
                with self.connect() as s:
                    s.sendall(request)
                    self.counts[f"{name}: {s.recv(64)[9:12].decode() or 'nothing'}"] += 1
            except OSError:
                self.counts[f"{name}: broken off"] += 1
            time.sleep(pause)

    def begin(self):
        chunked = b"POST /v1/verify" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        part = b"POST /reports" + HEAD + b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 1000000000\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"clip\"; filename=\""
        junk = b"POST /v1/verify" + HEAD + b"Connection: close\r\nContent-Length: 100000\r\n\r\n" + bytes(100000)
        half = b"POST /v1/verify" + HEAD + b"Content-Length: 100000000\r\n\r\n" + bytes(1 << 20)
        other = b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        pages = (b"GET /v1/openapi.json" + HEAD + b"\r\n") * 400
        crowd = [(250, self.keep, ("unread answers", pages), {"receive": 2048, "every": 5.0})]
        crowd += [(250, self.keep, ("silence", b""), {"every": 2.0})]
        crowd += [(100, self.keep, ("dribbled heads", b"GET /" + HEAD), {"more": b"X-a: b\r\n", "every": 3.0})]
        crowd += [(150, self.keep, ("dribbled bodies", chunked), {"more": b"1\r\na\r\n", "every": 3.0})]
        crowd += [(8, self.keep, ("endless heads of parts", part), {"more": b"a" * 65536, "every": 0.02})]
        crowd += [(4, self.keep, ("broken bodies", half), {"every": 0.5, "hold": 0.5})]
        crowd += [(4, self.ask, ("junk", junk, 0.5), {}), (2, self.ask, ("other names", other, 0.1), {})]
        for count, what, arguments, named in crowd:
            for _ in range(count):
                threading.Thread(target=what, args=arguments, kwargs=named, daemon=True).start()
                time.sleep(0.002)


def honest(port, clip, seconds, sample):
    """Asks as honest clients do; the seconds that each question took, by question, and how many got no answer."""
    took, lost = collections.defaultdict(list), collections.Counter()
    clip = clip.read_bytes()
    questions = {"health": ("GET", "/healthz", None), "page": ("GET", "/", None), "verify": ("POST", "/v1/verify?name=clip.mp4", clip)}
    stop, turn = time.time() + seconds, 0
    while time.time() < stop and not interrupted.is_set():
        name = "verify" if turn % 10 == 0 else ["health", "page"][turn % 2]
        method, path, body = questions[name]
        start, turn = time.time(), turn + 1
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(HONEST, 0))
            c.request(method, path, body)
            r = c.getresponse()
            r.read()
            c.close()
            lost[name] += r.status != 200
        except OSError:
            lost[name] += 1
        took[name].append(time.time() - start)
        sample()
        time.sleep(max(0.0, 0.5 - (time.time() - start)))
    return took, lost


def size(file):
    try:
        return os.path.getsize(file)
    except OSError:
        return 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proofmark")
    arguments.add_argument("clip", type=pathlib.Path)
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--calm", type=float, default=3, help="minutes without attackers, before")
    arguments.add_argument("--record", type=pathlib.Path)
    args = arguments.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        subprocess.run([args.proofmark, "init", "-q", "--home", home], check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen([args.proofmark, "serve", "--home", home, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        port = None
        while port is None:
            line = server.stderr.readline()
            port = int(line.rsplit(":", 1)[1]) if "serving at" in line else None
        threading.Thread(target=server.stderr.read, daemon=True).start()
        begun, samples = time.time(), []

        def sample():
            if samples and time.time() - begun - samples[-1]["seconds"] < 10:
                return
            status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines())
            # What goes while it is looked at has gone.
            files = [os.path.join(folder, name) for folder, _, names in os.walk(home / "serve") for name in names]
            sizes = [size(file) for file in files]
            handles = len(list(pathlib.Path(f"/proc/{server.pid}/fd").iterdir()))
            one = {"seconds": round(time.time() - begun), "memory MB": int(status["VmRSS"].split()[0]) >> 10, "handles": handles, "threads": int(status["Threads"])}
            samples.append(one | {"files": len(files), "disk MB": sum(sizes) >> 20})

        calm, lost = honest(port, args.clip, 60 * args.calm, sample)
        siege = Siege(port, time.time() + 60 * args.minutes)
        siege.begin()
        besieged, lost_then = honest(port, args.clip, 60 * args.minutes, sample)
        server.terminate()
    print("| honest question | asked, calm | median s | p99 s | unanswered | asked, besieged | median s | p99 s | unanswered |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    p99 = lambda all_: sorted(all_)[min(len(all_) - 1, int(0.99 * len(all_)))]
    for name in besieged:
        a, b = calm[name], besieged[name]
        print(f"| {name} | {len(a)} | {statistics.median(a):.3f} | {p99(a):.3f} | {lost[name]} | {len(b)} | {statistics.median(b):.3f} | {p99(b):.3f} | {lost_then[name]} |")
    print("\n| attacker | times |\n| --- | --- |")
    for name, count in sorted(siege.counts.items()):
        print(f"| {name} | {count} |")
    print("\n| after | memory MB | file handles | threads | files | disk MB |\n| --- | --- | --- | --- | --- | --- |")
    step = max(1, len(samples) // 12)
    for s in samples[::step] + samples[-1:]:
        print("| {seconds} s | {memory MB} | {handles} | {threads} | {files} | {disk MB} |".format(**s))
    if args.record:
        args.record.write_text(json.dumps({"calm": calm, "besieged": besieged, "counts": siege.counts, "samples": samples}))


if __name__ == "__main__":
    main()
