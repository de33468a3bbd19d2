"""Lists the scripts and their descriptions, without running them."""

from __future__ import annotations

import concurrent.futures
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.errors import Invalid, NotFound
from ..domain.masking import MASK, masked_text, names_a_secret
from ..domain.scripts import FILE_PREFIX, FileScript, checked_uri
from ..domain.texts import encodable
from ..engine import outline
from ..settings import PACKAGED_SCRIPTS, Settings
from .script_policy import ScriptFiles

_MOST = 1000  #: scripts in a list
_MOST_SEEN = 20_000  #: names in folders that are looked at for them
_DEEPEST = 8  #: folders below the scripts' location
_READING = 4.0  #: seconds that all are read in
_SUMMARY = 200  #: characters of a summary

Told = dict[str, Any]


class ScriptList:
    """Reads, and changes nothing.

    :param files: decides which scripts may be run here
    """

    def __init__(self, bus: BusClient, settings: Settings, files: ScriptFiles) -> None:
        self._bus = bus
        self._base = settings.scripts_location
        self._files = files
        # Threads of its own, so that no command stands behind those who only read.
        self._threads = concurrent.futures.ThreadPoolExecutor(2, "script readers")

    async def tell_list(self, request: Envelope) -> None:
        """Answer with the scripts in the scripts' location, then the packaged ones, by their names."""
        found = await self._files.in_time(self._all, "the folders of scripts", self._threads)
        self._reply(request, topics.SCRIPT_LIST, found)

    async def tell_one(self, request: Envelope) -> None:
        """Answer with everything that one script says of itself.

        :raises NotFound: if there is no such script, or it may not be run here
        """
        uri = FILE_PREFIX + request.payload["path"]
        try:
            path = await self._files.find(FileScript(script_uri=checked_uri(uri, "filesystem")))
        except Invalid as error:
            raise NotFound(str(error)) from None
        (told,) = await self._files.in_time(lambda: _outlines([path]), uri, self._threads)
        self._reply(request, topics.SCRIPT, _described(uri, path, told))

    def _all(self) -> list[Told]:
        places = dict(self._places())
        listed = []
        for (uri, path), told in zip(places.items(), _outlines(list(places.values())), strict=True):
            # A file without either is a module that scripts import.
            if told["main"] is not None or told["init"] is not None or told["error"] is not None:
                listed.append(_named(uri, path, told))
        return listed

    def _places(self) -> Iterator[tuple[str, str]]:
        """The URI and the real path of each file that may be a script; the first of a name counts."""
        seen: set[str] = set()
        for base in dict.fromkeys((self._base, PACKAGED_SCRIPTS)):
            for name in _python_files(base):
                path = os.path.realpath(os.path.join(base, name))
                if name not in seen and len(seen) < _MOST and self._files.may_be_run(path):
                    seen.add(name)
                    yield FILE_PREFIX + name, path

    def _reply(self, request: Envelope, topic: str, result: Any) -> None:
        self._bus.send([self._bus.envelope(topic, {"result": result}, request_id=request.request_id)])


def _python_files(base: str) -> Iterator[str]:
    """The names of Python files below a folder, from there; no links to folders are followed."""
    looked_at = 0
    for folder, folders, files in os.walk(base):
        inside = os.path.relpath(folder, base)
        looked_at += len(folders) + len(files)
        deep = 0 if inside == "." else inside.count(os.sep) + 1
        if deep >= _DEEPEST or looked_at > _MOST_SEEN:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(files):
            if (
                name.endswith(".py")
                and not name.startswith((".", "__"))
                and _is_file(os.path.join(folder, name))
            ):
                found = os.path.normpath(os.path.join(inside, name))
                if encodable(found):
                    yield found


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _outlines(paths: list[str]) -> list[Told]:
    """The description of each of these files, or the reason why it cannot be read."""
    until = time.monotonic() + _READING
    found: list[Told] = []
    while len(found) < len(paths):
        left = until - time.monotonic()
        if left > 0:
            found += _read(paths[len(found) :], left)
        if len(found) < len(paths):  # the next one has ended the program, or is too slow
            found.append({"docstring": None, "init": None, "main": None, "error": "Python cannot parse it"})
    return found


def _read(paths: list[str], patience: float) -> list[Told]:
    words = "".join(f"{json.dumps(path)}\n" for path in paths).encode()
    program = [sys.executable, "-I", "-S", outline.__file__]
    try:
        told = subprocess.run(
            program, input=words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=patience, env={}
        ).stdout
    except subprocess.TimeoutExpired as late:
        told = late.stdout or b""
    return [json.loads(line) for line in told.splitlines(keepends=True) if line.endswith(b"\n")]


def _named(uri: str, path: str, told: Told) -> Told:
    lines = (told["docstring"] or "").strip().splitlines()
    return {
        "uri": uri,
        "packaged": os.path.dirname(path) == PACKAGED_SCRIPTS,
        "summary": masked_text(lines[0][:_SUMMARY]) if lines else None,
        "error": told["error"],
    }


def _described(uri: str, path: str, told: Told) -> Told:
    docstring = told["docstring"]
    return {
        **_named(uri, path, told),
        "path": path,
        "docstring": None if docstring is None else masked_text(docstring),
        "init": described_function("init", told["init"]),
        "main": described_function("main", told["main"]),
    }


def described_function(name: str, told: Told | None) -> Told | None:
    """A function with its signature, and without secrets; what else is told of it stays."""
    if told is None:
        return None
    parameters = told["parameters"] and [_without_secret(one) for one in told["parameters"]]
    signature = None if parameters is None else f"{name}({', '.join(_written(parameters))})"
    docstring = told["docstring"]
    return {
        **told,
        "signature": signature,
        "parameters": parameters,
        "docstring": None if docstring is None else masked_text(docstring),
    }


def _without_secret(parameter: Told) -> Told:
    if parameter["default"] is None:
        return parameter
    if not names_a_secret(parameter["name"]):
        return {**parameter, "default": masked_text(parameter["default"])}
    rest = {word: value for word, value in parameter.get("type", {}).items() if word != "default"}
    return {**parameter, "default": repr(MASK), **({"type": rest} if "type" in parameter else {})}


def _written(parameters: list[Told]) -> Iterator[str]:
    """Parameters as they are written in Python."""
    kinds = [one["kind"] for one in parameters]
    for n, one in enumerate(parameters):
        if one["kind"] == "keyword" and "args" not in kinds and "keyword" not in kinds[:n]:
            yield "*"
        written = {"args": "*", "kwargs": "**"}.get(one["kind"], "") + one["name"]
        if one["annotation"] is not None:
            written += f": {one['annotation']}"
        if one["default"] is not None:
            written += f" = {one['default']}" if one["annotation"] is not None else f"={one['default']}"
        yield written
        if one["kind"] == "positional" and "positional" not in kinds[n + 1 :]:
            yield "/"
