"""A real PostgreSQL of the tests' own, in a temporary folder and reached through a socket in there."""

from __future__ import annotations

import contextlib
import functools
import glob
import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

import psutil
import psycopg

USER, PASSWORD = "oet", "a secret/word@50%"
_NAMES = itertools.count(1)
_AFTER_A_CRASH = 30  #: attempts; what a killed server had in use is given back by the kernel a little later
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # only the machine's end could lose anything
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "80",
}


def _binary(name: str) -> str:
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{name}") or [shutil.which(name) or ""]
    assert found[-1], "PostgreSQL is not installed; run make test, or install postgresql"
    return max(found)


def _as_its_user() -> list[str]:
    """It refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


@functools.cache
def shared() -> PostgreSQL:
    """The one for all tests of this process, started when it is wanted first."""
    return PostgreSQL().start()


def end_shared() -> None:
    """To be called when the tests are over."""
    if shared.cache_info().currsize:
        shared().close()


class PostgreSQL:
    """One cluster, which a test may kill and start again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="oet-postgresql-"))
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, "postgres", "postgres")
        command = [_binary("initdb"), "-D", str(self.folder / "data"), "-U", USER, "--no-sync"]
        command += ["-E", "UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={password}"]
        subprocess.run([*_as_its_user(), *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> PostgreSQL:
        """Start it, and wait until it can be used."""
        command = [_binary("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        for _ in range(_AFTER_A_CRASH):
            with open(self.folder / "log", "a") as log:
                self.process = subprocess.Popen([*_as_its_user(), *command], stderr=log, stdout=log, cwd="/")
            while self.process.poll() is None:
                with contextlib.suppress(psycopg.OperationalError):
                    self._connect("postgres").close()
                    return self
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.02)
        raise AssertionError((self.folder / "log").read_text())

    def _processes(self) -> list[psutil.Process]:
        assert self.process is not None
        postmaster = psutil.Process(self.process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def kill(self) -> None:
        """SIGKILL all of it, and wait until it is gone."""
        assert self.process is not None
        processes = self._processes()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)
        psutil.wait_procs(processes, timeout=10)

    @contextlib.contextmanager
    def frozen(self) -> Any:
        """It is there, and does not answer."""
        processes = self._processes()
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def close(self) -> None:
        """End it, and leave nothing."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
        shutil.rmtree(self.folder)

    # -- databases ---------------------------------------------------------------------------------

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), user=USER, password=PASSWORD, dbname=database, autocommit=True
        )

    def database(self) -> str:
        """Make a database; returns its URL."""
        if self.process is None or self.process.poll() is not None:
            self.start()  # a test that has killed it has failed
        name = f"oet{os.getpid()}_{next(_NAMES)}"
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database."""
        password = urllib.parse.quote(PASSWORD, safe="")
        return f"postgresql+psycopg://{USER}:{password}@/{name}?host={self.folder}"

    def connect(self, url: str) -> psycopg.Connection[Any]:
        """A connection to the database of a URL."""
        return self._connect(urllib.parse.urlsplit(url).path[1:])

    def sql(self, url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Carry out one statement in the database of a URL; returns what it finds."""
        with self.connect(url) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


_TABLES = {
    "messages": ("seq", "id", "topic", "about", "request_id", "time", "body"),
    "procedures": ("pid", "state", "script_uri", "document"),
    "documents": ("kind", "id", "state", "document"),
    "audit": (
        *("seq", "id", "time", "user", "name", "address", "method", "path", "what"),
        *("request_id", "status", "detail"),
    ),
}


def copied(server: PostgreSQL, url: str, subarray: int, table: str) -> list[tuple[Any, ...]]:
    """What the central history has of a table of one subarray."""
    columns = ", ".join(f'"{name}"' for name in _TABLES[table])
    order = ", ".join(f'"{name}"' for name in _TABLES[table][:2])
    return server.sql(url, f"SELECT {columns} FROM oet_{table} WHERE subarray = {subarray} ORDER BY {order}")


def written(file: Path, table: str) -> list[tuple[Any, ...]]:
    """What a journal has of a table."""
    columns = ", ".join(f'"{name}"' for name in _TABLES[table])
    order = ", ".join(f'"{name}"' for name in _TABLES[table][:2])
    with contextlib.closing(sqlite3.connect(file, timeout=20)) as database:
        return database.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()


def require_equal(server: PostgreSQL, url: str, subarray: int, file: Path) -> None:
    """The central history is the journal, message by message, with all that follows from it."""
    for table in _TABLES:
        assert copied(server, url, subarray, table) == written(file, table), table
