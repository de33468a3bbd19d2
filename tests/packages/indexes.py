"""Real package indexes for the tests: pages after PEP 503, and files, behind HTTP and a password."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..support.repositories import basic


def wheel(name: str, version: str, value: str, requires: tuple[str, ...] = ()) -> tuple[str, bytes]:
    """The name and bytes of a wheel with one module, whose ``VALUE`` tells where it came from."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
    files = {
        f"{module}.py": f"VALUE = {value!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    files[record] = "".join(f"{file},,\n" for file in [*files, record])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file, content in files.items():
            archive.writestr(zipfile.ZipInfo(file), content)
    return f"{module}-{version}-py3-none-any.whl", made.getvalue()


def source_archive(name: str, version: str, value: str) -> tuple[str, bytes]:
    """The name and bytes of a source distribution that setuptools builds."""
    folder = f"{name.replace('-', '_')}-{version}"
    module = name.replace("-", "_")
    files = {
        "setup.py": "from setuptools import setup\n"
        f"setup(name={name!r}, version={version!r}, py_modules=[{module!r}])\n",
        f"{module}.py": f"VALUE = {value!r}\n",
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for file, content in files.items():
            about = tarfile.TarInfo(f"{folder}/{file}")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content.encode()))
    return f"{folder}.tar.gz", made.getvalue()


def digest(file: tuple[str, bytes]) -> str:
    """The hash of a file, as lock files write it."""
    return f"sha256:{hashlib.sha256(file[1]).hexdigest()}"


_BEYOND = "https://pypi.org/simple"
_TOOLS = ("setuptools", "poetry-core")  #: what a build needs, which is nobody's subject


class Index:
    """What an index serves, and what it was asked for."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/simple"
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def add(self, *files: tuple[str, bytes]) -> None:
        self.files.update(files)

    def answer(self, path: str) -> bytes | None:
        """The page or file at a path."""
        kind, _, rest = path.strip("/").partition("/")
        if kind == "files":
            return self.files.get(rest)
        self.asked.append(rest)
        names = [name for name in self.files if re.sub(r"[-_.]+", "-", name.split("-")[0]) == rest]
        links = "".join(f'<a href="/files/{name}">{name}</a>\n' for name in names)
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode() if names else None


@contextlib.contextmanager
def serving_packages(*files: tuple[str, bytes], password: str | None = None) -> Iterator[Index]:
    """An index with these files; a private one, for the user ``observer``, where there is a password."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, status = index.answer(self.path.partition("?")[0]), 200
            if password is None and self.path.strip("/").split("/")[1] in _TOOLS:
                self.send_response(302)
                self.send_header("Location", f"{_BEYOND}/{self.path.split('/', 2)[2]}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if password is not None and self.headers.get("Authorization") != basic("observer", password):
                body, status = b"log in first", 401
            elif body is None:
                body, status = b"not here", 404
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            page = self.path.startswith("/simple")
            self.send_header("Content-Type", "text/html" if page else "application/zip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index = Index(f"http://127.0.0.1:{server.server_port}")
    index.add(*files)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
