"""A PostgreSQL server of the test run's own, from Debian's binaries, on its own port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Server:
    """A running server. Its data is thrown away in the end."""

    def __init__(self) -> None:
        """Start it. A machine without PostgreSQL fails here: the tests that need it must not pass by being skipped."""
        if not _BINARIES:
            raise RuntimeError("these tests need PostgreSQL; run tests/install-system-packages")
        self.binaries = _BINARIES[-1]
        self.folder = Path(tempfile.mkdtemp(prefix="assay-postgresql-"))
        self.port = free_port()
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._call("initdb", "--auth=trust", "--username=assay", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
        self.start()

    def start(self) -> None:
        """Start it, also again after `kill`: then it recovers first."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._call("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}", "-o", options)

    def pid(self) -> int:
        """The server's process, the parent of all that serve a connection."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """End it as a power cut would: the server and all that serve a connection."""
        postmaster = self.pid()
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(Path(f"/proc/{process}").exists() for process in (postmaster, *children)):
            time.sleep(0.02)
        # Its number may be another process' by the time it starts again.
        (self.folder / "data" / "postmaster.pid").unlink()

    def url(self, database: str) -> str:
        """The URL of a database of this server."""
        return f"postgresql://assay@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database as a copy of another one. Returns its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"'.encode())
        return self.url(database)

    def stop(self) -> None:
        """Stop it and remove its data."""
        self._call("pg_ctl", "stop", "--mode=immediate", "--wait")
        shutil.rmtree(self.folder)

    def _call(self, command: str, *arguments: str) -> None:
        subprocess.run(
            [self.binaries / command, f"--pgdata={self.folder / 'data'}", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            **self._user,
        )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
