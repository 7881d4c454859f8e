"""A PostgreSQL server of one's own on loopback, for scripts/queue_faults.py and scripts/queue_speed.py."""
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


class Database:
    def __init__(self, folder):
        self.bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        # The server refuses to run as root.
        self.who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        self.folder = Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)
        made = ["-U", "proofmark", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", self.folder / "data"]
        subprocess.run([*self.who, self.bin / "initdb", *made], check=True, capture_output=True, cwd=self.folder)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"postgres://proofmark@127.0.0.1:{self.port}/postgres?sslmode=disable"
        self.start()

    def start(self):
        options = ["-D", self.folder / "data", "-h", "127.0.0.1", "-k", "", "-p", str(self.port), "-c", "max_connections=200"]
        with open(self.folder / "log", "ab") as log:
            self.server = subprocess.Popen([*self.who, self.bin / "postgres", *options], stdout=log, stderr=log, cwd=self.folder)
        while self.psql("SELECT 1", check=False).returncode:
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        self.server.send_signal(how)
        self.server.wait()

    def restart(self, how):
        """SIGINT cuts every connection; SIGQUIT stops at once, as a crash does."""
        self.stop(how)
        self.start()

    def psql(self, sql, check=True):
        return subprocess.run([self.bin / "psql", "-qAt", "-F", "\t", self.url, "-c", sql], capture_output=True, text=True, check=check)

    def rows(self, sql):
        return [line.split("\t") for line in self.psql(sql).stdout.splitlines()]
