"""How far a script is kept from the server: ``none``, ``landlock`` or ``uid``.

With ``none`` a script is the server's account. With ``landlock`` it keeps the account, and the kernel lets it
read the system and its own files, write its run directory and named folders, and signal its own processes
only. With ``uid`` it has another account as well. Either is entered by the script's process before any of
the script's code runs, and by what builds its environment; there is no way back out. Standard library only.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pwd
import sys
from collections.abc import Iterable
from typing import Any

from .. import confidential
from . import landlock, processes

#: What is the same for all programs of this machine.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/proc", "/sys")
#: Devices that are nothing but functions of the kernel, and shared memory.
_DEVICES = ("null", "zero", "full", "random", "urandom", "shm")
_TERMINALS = ("tty", "ptmx", "pts")
_NAMED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Isolation:
    """What one run, or one build, may do.

    :param mode: ``none``, ``landlock`` or ``uid``
    :param uid: the account of ``uid``, and ``gid`` its group
    :param reads: folders and files it reads, beside the system
    :param writes: those it changes as well
    :param hidden: folders and files it never sees, wherever they lie, unless they are named above
    """

    mode: str = "none"
    uid: int = 0
    gid: int = 0
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, known: dict[str, Any]) -> Isolation:
        """What a job says."""
        lists = {name: tuple(known[name]) for name in ("reads", "writes", "hidden")}
        return cls(**{**known, **lists})

    def to_dict(self) -> dict[str, Any]:
        """For a job."""
        return dataclasses.asdict(self)

    @property
    def apart(self) -> bool:
        """Whether there is any."""
        return self.mode != "none"

    @property
    def account(self) -> tuple[int, int] | None:
        """The account and group of its own, if it has one."""
        return (self.uid, self.gid) if self.mode == "uid" else None

    def with_paths(self, *, reads: Iterable[str] = (), writes: Iterable[str] = ()) -> Isolation:
        """The same, with more that it may do; these paths are the server's own, and may lead over links."""
        return dataclasses.replace(
            self,
            reads=(*self.reads, *map(os.path.realpath, reads)),
            writes=(*self.writes, *map(os.path.realpath, writes)),
        )

    def enter(self) -> None:
        """Give up for good, in this process and all it starts, what is not allowed.

        :raises OSError: where the kernel refuses, or other threads would go on as before
        """
        if not self.apart:
            return
        if len(os.listdir("/proc/self/task")) > 1:
            raise OSError("cannot isolate the script: libraries that were preloaded have started threads")
        if self.mode == "uid":
            os.setgroups([])
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)
            # The kernel forgets both where the account changes.
            confidential.keep_private(False)
            processes.end_with_parent()
        processes.give_up_capabilities()
        if landlock.version():
            wanted = (*map(os.path.realpath, _SYSTEM), *interpreter(), *_named(), *self.reads)
            visible = [path for folder in wanted for path in landlock.around(folder, self.hidden)]
            listed = [folder for folder in wanted if landlock.listable(folder, self.hidden)]
            landlock.restrict(visible, [*_devices(self.mode), *self.writes], listed)

    def surroundings(self, run_directory: str) -> dict[str, str]:
        """Environment variables: where a script finds room for files of its own."""
        if not self.apart:
            return {}
        room = os.path.join(run_directory, "work")
        found = {"HOME": room, "TMPDIR": os.path.join(run_directory, "tmp")}
        if self.mode == "uid":
            name = _name_of(self.uid)
            found |= {"USER": name, "LOGNAME": name}
        return found


@functools.cache
def interpreter() -> list[str]:
    """Where this interpreter, the server and what is importable lie."""
    import sysconfig

    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values())
    engine = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    more = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return sorted({os.path.realpath(path) for path in (*prefixes, engine, *more) if path})


def _devices(mode: str) -> list[str]:
    """Terminals are the account's: one that scripts share with others has no business there."""
    names = (*_DEVICES, *(_TERMINALS if mode == "uid" else ()))
    return [os.path.realpath(f"/dev/{name}") for name in names]


def _named() -> list[str]:
    """Where the settings of the machine lead out of its system folders."""
    files = [os.environ[name] for name in _NAMED if os.environ.get(name)]
    return [os.path.realpath(path) for path in (*files, "/etc/resolv.conf", "/etc/localtime")]


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# -- sharing files with another account -------------------------------------------------------------------


def give(path: str, account: tuple[int, int]) -> None:
    """Have a folder, and all in it, belong to an account."""
    for each in _all_of(path):
        os.chown(each, *account, follow_symlinks=False)


def show(path: str, gid: int) -> None:
    """Let a group read a folder, and all in it, which belongs to this process's account from now on."""
    for each in _all_of(path):
        os.chown(each, os.geteuid(), gid, follow_symlinks=False)
        if not os.path.islink(each):
            mode = os.stat(each, follow_symlinks=False).st_mode & 0o700
            os.chmod(each, mode | mode >> 3 & 0o050)


def lead_through(path: str, gid: int) -> None:
    """Let a group reach what it may read in a folder, without seeing what else is there."""
    os.chown(path, -1, gid)
    os.chmod(path, 0o710)


def _all_of(path: str) -> Iterable[str]:
    yield path
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield os.path.join(folder, name)
