"""Has scripts loaded to see what they take, each in a process that is supervised like a run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import time
import uuid
from typing import Any, NamedTuple

from ..bus.limited_work import Turns
from ..domain.errors import DiskFull, TimedOut, Unavailable
from ..domain.scripts import FRESH, GitScript, Script
from ..kernel import processes
from ..runs.directory import RunDirectory
from ..runs.survivors import in_words, leave_nobody
from ..settings import Settings
from .isolation_policy import isolation_of
from .launcher import Launcher
from .spec import NewProcedure, spec_of
from .supervisor_link import SupervisorLink

LOG = logging.getLogger(__name__)

_AT_ONCE = 2  #: scripts that are loaded, one for each user
_GRACE = 0.2  #: seconds between SIGTERM and SIGKILL: nothing is observed that would have to be left safe
_SLACK = 8.0  #: seconds beyond its limits that a supervisor may take
_END = 3.0  #: seconds that a supervisor may take to end
_LAUNCH = 30.0  #: seconds in which a supervisor must be had
_FRESH = 60.0  #: seconds after which a file is loaded again: what it imports may have changed
_MOST_KEPT = 200
# Of a description; more is forged, or of no use to anybody.
_LARGEST = 64 * 1024  #: bytes, as JSON
_LARGEST_TYPE = 4 * 1024  #: bytes of the type of one parameter
_MOST_PARAMETERS = 100
_LONGEST_NAME = 100  #: characters
_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

FORGED = "it sends messages of its own over the channel of the OET, which it must not"

Told = dict[str, Any]
_Key = tuple[Any, ...]


class Inspected(NamedTuple):
    """What is known of a script."""

    found: Told  #: see :mod:`ska_oso_oet.engine.inspection`; and ``uses``, the entries of caches it would use
    commit: str | None = None  #: the full commit, of a script from git


class Inspector:
    """Describes scripts. What it finds is kept for as long as the file, or the commit, is the same."""

    def __init__(self, settings: Settings, launcher: Launcher) -> None:
        self._settings = settings
        self._launcher = launcher
        self._turns = Turns(_AT_ONCE)
        self._kept: dict[_Key, tuple[float, Inspected]] = {}

    async def inspect(self, script: Script, path: str, user: str, until: float | None) -> Inspected:
        """Return what is known of a script, loaded now or before.

        :param path: its file; of a script from git, from the root of its repository
        :param until: when nobody waits for it any more, seconds since the epoch
        :raises Unavailable: if it cannot be loaded now, whatever it is
        """
        key = _key(script, path)
        if (known := self._recall(key)) is not None:
            return known
        async with self._turns.of(user):
            if until is not None and time.time() > until:
                raise TimedOut("other scripts took too long to check; try again with fewer at once")
            if (known := self._recall(key)) is not None:
                return known
            known = await self._load(script, path)
        if known.found["loaded"] and not known.found["problems"]:
            self._keep(key, _key(script, path, known.commit), known)
        return known

    async def clear(self) -> None:
        """End what an earlier life of this worker has left of its checks."""
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._settings.checks):
                folder = os.path.join(self._settings.checks, name)
                await leave_nobody(processes.mark_of(folder))
                await asyncio.to_thread(shutil.rmtree, folder, True)

    # -- what is kept ------------------------------------------------------------------------------

    def _recall(self, key: _Key | None) -> Inspected | None:
        at, known = self._kept.get(key or (), (0.0, None))
        if known is None or (known.commit is None and time.monotonic() > at + _FRESH):
            return None
        return known if all(map(os.path.isdir, known.found["uses"])) else None

    def _keep(self, before: _Key | None, after: _Key | None, known: Inspected) -> None:
        if after is None or before not in (None, after):
            return  # it was changed meanwhile
        self._kept.pop(after, None)
        self._kept[after] = time.monotonic(), known
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    # -- loading -----------------------------------------------------------------------------------

    async def _load(self, script: Script, path: str) -> Inspected:
        directory = RunDirectory(os.path.join(self._settings.checks, uuid.uuid4().hex))
        try:
            spec = await asyncio.to_thread(self._prepare, script, path, directory)
            async with asyncio.timeout(_LAUNCH):
                link = await self._supervisor()
            return self._read(await self._records(link, {"run_dir": directory.path, **spec}))
        except OSError as error:
            raise DiskFull(f"the state directory cannot be written: {error.strerror}") from None
        except TimeoutError:
            raise Unavailable(
                "no interpreter could be started to load the script; try again shortly"
            ) from None
        finally:
            await asyncio.to_thread(shutil.rmtree, directory.path, True)

    def _prepare(self, script: Script, path: str, directory: RunDirectory) -> Told:
        settings, limit = self._settings, self._settings.check_timeout
        folder = None if isinstance(script, GitScript) else os.path.dirname(path)
        inside = folder is not None and os.path.dirname(folder) == os.path.realpath(settings.activities)
        isolation = isolation_of(settings, folder, directory.path, [folder] if folder and inside else [])
        new = NewProcedure(script=script, path=path, limits={"environment": limit, "load": limit})
        spec = {
            **spec_of(0, new, directory.path, isolation, settings),
            "inspect": True,
            "grace": _GRACE,
        }
        directory.create(spec, isolation)
        return spec

    async def _supervisor(self) -> SupervisorLink:
        while True:
            with contextlib.suppress(ConnectionError):
                return await self._launcher.spawn()
            await asyncio.sleep(0.1)

    async def _records(self, link: SupervisorLink, spec: Told) -> dict[str, Told]:
        """The first record of each kind of a supervisor, which has ended."""
        records: dict[str, Told] = {}
        ended = asyncio.Event()

        def hear(batch: list[Told]) -> None:
            for record in batch:
                records.setdefault(record["kind"], record)
            if "final" in records:
                ended.set()

        link.on_records, link.on_lost = hear, ended.set
        link.order({"op": "spec", **spec})
        try:
            await _within(ended.wait(), sum(spec["limits"].values()) + _SLACK)
        finally:
            link.close()  # which ends whatever is left
        if not await _within(link.gone.wait(), _END):
            link.kill()
        if survivors := records.get("final", {}).get("survivors"):
            LOG.critical("NOT EVERYTHING OF A CHECKED SCRIPT HAS ENDED: %s", in_words(survivors))
        return records

    def _read(self, records: dict[str, Told]) -> Inspected:
        commit = records.get("resolved", {}).get("commit")
        outcome = records.get("final", {}).get("outcome") or {}
        why = outcome.get("detail") or "its process was lost"
        if outcome.get("reason") == "timeout":
            why = f"{why} (OET_CHECK_TIMEOUT)"
        if "inspected" in records:
            found = {"init": None, "main": None, "loaded": True, **records["inspected"]["found"]}
            if _is_whole(found):
                return Inspected(found, commit)
            why = FORGED
        problem: Told = {"where": "script", "what": why}
        return Inspected({"init": None, "main": None, "loaded": False, "problems": [problem]}, commit)


def _is_whole(found: Told) -> bool:
    """Whether what a script's process has told, which may be forged, can be used at all."""
    problems, uses = found.get("problems"), found.get("uses")
    if not isinstance(problems, list) or not isinstance(uses, list) or len(json.dumps(found)) > _LARGEST:
        return False
    if not all(isinstance(one, str) for one in uses):
        return False
    return all(_is_bounded(found.get(name)) for name in ("init", "main"))


def _is_bounded(function: Any) -> bool:
    """Whether a function can be compared with arguments in no time: few parameters with short names."""
    parameters = function.get("parameters") if isinstance(function, dict) else []
    if not isinstance(parameters, list) or len(parameters) > _MOST_PARAMETERS:
        return False
    return all(
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and len(one["name"]) <= _LONGEST_NAME
        and len(json.dumps(one.get("type"))) <= _LARGEST_TYPE
        for one in parameters
    )


async def _within(work: Any, seconds: float) -> bool:
    """Wait for something; tell whether it came in time."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return False
    return True


def _key(script: Script, path: str, commit: str | None = None) -> _Key | None:
    """Distinguishes versions of a script; none of one that is not known yet, or must not be kept."""
    if isinstance(script, GitScript):
        commit = commit or script.git_commit
        if script.create_env == FRESH or commit is None or not _FULL.fullmatch(commit):
            return None
        return script.git_repo, path, commit, script.create_env
    try:
        known = os.stat(path)
    except OSError:
        return None
    return path, known.st_mtime_ns, known.st_ctime_ns, known.st_size, known.st_ino, known.st_dev
