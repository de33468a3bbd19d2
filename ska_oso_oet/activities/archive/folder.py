"""An archive that is a folder in the ODA's own layout: ``<entity>/<id>/<version>.json``.

Several processes may use one folder, and other tools may write to it: a version appears all at once, under a
number that is free, and is never changed. Only an execution block that goes on has a version which is
replaced, as a whole, by whoever has made it; its last form is a version of its own. Files of any other name
are left alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from ...domain.errors import ArchiveAway, Conflict, Invalid, NotFound
from ...domain.scheduling import checked_sbd_id
from ...files.opening import at_once
from .entities import FIRST_STATUS, LARGEST, Status, read_document, status_entity, write_document

_VERSION = re.compile(r"([0-9]{1,18})\.json")
_RACES = 100  #: how often others may be faster before a version is taken for blocked
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class FolderArchive:
    """An archive in a folder, which is made when the first thing is stored."""

    def __init__(self, folder: str, setting: str = "OET_ODA_URL") -> None:
        self.where = folder
        self._setting = setting
        self._going_on: dict[tuple[str, str], str] = {}  #: versions of this process that it may replace

    def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        """See the port."""
        with self._telling("read"):
            versions = _versions(self._entity("sbd", sbd_id))
            if not versions:
                raise NotFound.scheduling_block(sbd_id, self.where)
            path = versions.get(max(versions) if version is None else version)
            if path is None:
                raise NotFound.version(sbd_id, version or 0, self.where)
            return _read(path)

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """See the port."""
        folder = self._entity("sbi", sbi["sbi_id"])
        path = os.path.join(folder, "1.json")
        with self._telling("written"):
            try:
                _publish(path, write_document(sbi))
            except FileExistsError:
                if _read(path) != sbi:
                    raise Conflict(
                        f"the archive {self.where} already has another SBInstance {sbi['sbi_id']}; try again"
                    ) from None

    def record_status(self, sbi_id: str, status: Status) -> None:
        """See the port."""
        folder = self._entity("sbi_status", sbi_id)
        with self._telling("written"):
            for _ in range(_RACES):
                newest = _newest(folder)
                number = newest[0] if newest else 0
                before = _read(newest[1]).get("current_status") if newest else FIRST_STATUS
                if before == status:
                    return
                entity = status_entity(sbi_id, status, str(before), number + 1)
                with contextlib.suppress(FileExistsError):  # another process was faster
                    _publish(os.path.join(folder, f"{number + 1}.json"), write_document(entity))
                    return
        raise self._blocked(number, folder)

    def record_execution_block(self, eb: dict[str, Any]) -> None:
        """See the port."""
        key, data = (eb["eb_id"], eb["sbi_ref"]), write_document(eb, indent=None)
        path = self._going_on.get(key)
        if eb["status"] != FIRST_STATUS:
            self._add("eb", eb["eb_id"], data)
            self._going_on.pop(key, None)
        elif path is None:
            self._going_on[key] = self._add("eb", eb["eb_id"], data)
        else:
            with self._telling("written"):
                _publish(path, data, os.replace)

    def newest(self, kind: str, identifier: str) -> dict[str, Any] | None:
        """The newest version of a document, if there is any.

        :raises ArchiveAway: if it cannot be read
        """
        with self._telling("read"):
            newest = _newest(self._entity(kind, identifier))
            return None if newest is None else _read(newest[1])

    def keep(self, kind: str, identifier: str, document: dict[str, Any]) -> None:
        """Store a document as the next version, unless the newest one says the same.

        :raises ArchiveAway: if it cannot be stored
        """
        self._add(kind, identifier, write_document(document))

    def _add(self, kind: str, identifier: str, data: bytes) -> str:
        """The path of the newest version, which is this document now."""
        folder = self._entity(kind, identifier)
        with self._telling("written"):
            for _ in range(_RACES):
                newest = _newest(folder)
                if newest is not None and _is(newest[1], data):
                    return newest[1]
                number = newest[0] if newest else 0
                path = os.path.join(folder, f"{number + 1}.json")
                with contextlib.suppress(FileExistsError):  # another process was faster
                    _publish(path, data)
                    return path
        raise self._blocked(number, folder)

    def _blocked(self, number: int, folder: str) -> ArchiveAway:
        return ArchiveAway(
            f"the archive {self.where} has no free version after {number} in {folder}; check that folder"
        )

    def _entity(self, kind: str, identifier: str) -> str:
        return os.path.join(self.where, kind, checked_sbd_id(identifier))

    @contextlib.contextmanager
    def _telling(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveAway(
                f"the archive {self.where} cannot be {done}: {error.strerror or type(error).__name__}; "
                f"check that {self._setting} names its folder, and the rights there"
            ) from None


def _versions(folder: str) -> dict[int, str]:
    """The paths of the files in a folder by their versions."""
    try:
        with os.scandir(folder) as entries:
            return {
                int(found[1]): entry.path
                for entry in entries
                if (found := _VERSION.fullmatch(entry.name)) and entry.is_file()
            }
    except FileNotFoundError:
        return {}
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # no file system could hold it
            return {}
        raise


def _newest(folder: str) -> tuple[int, str] | None:
    """The highest version in a folder and the path of its file."""
    return max(_versions(folder).items(), default=None)


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb", opener=at_once) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Invalid(f"{path} in the archive is larger than {LARGEST // 2**20} MiB; store a smaller one")
    try:
        return read_document(data)
    except ValueError:
        raise Invalid(
            f"{path} in the archive is not a JSON object; repair it, or store a new version"
        ) from None


def _is(path: str, data: bytes) -> bool:
    """Tell whether a file consists of this."""
    with open(path, "rb", opener=at_once) as file:
        return file.read(len(data) + 1) == data


def _publish(path: str, data: bytes, name: Callable[[str, str], None] | None = None) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    :param name: gives it its name; by default one that is free
    :raises FileExistsError: if the name is taken
    """
    folder = os.path.dirname(path)
    _make(folder)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{uuid.uuid4().hex}~")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        (name or _name)(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _sync(folder)


def _name(temporary: str, path: str) -> None:
    try:
        os.link(temporary, path)  # unlike a rename it never replaces a file of another process
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
        os.rename(temporary, path)


def _make(folder: str) -> None:
    """Make a folder, and those above it, so that they are there after a power cut."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    _make(above)
    with contextlib.suppress(FileExistsError):  # another process has made it meanwhile
        os.mkdir(folder)
    _sync(above)


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
