"""How far a script is kept from the server: ``none``, ``landlock`` or ``uid``.

With ``none`` a script is the server's account. With ``landlock`` it keeps the account, and the kernel lets it
read the system and its own files, write its run directory and named folders, and signal its own processes
only. With ``uid`` it has another account as well. Either is entered by the script's process before any of
the script's code runs, and in builds of its environment; there is no way back out. Standard library only.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import os
import pwd
import resource
import stat
import sys
from collections.abc import Iterable
from typing import Any

from . import confidential, landlock, processes, seccomp

#: Variables that are the same for all programs of this machine.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/proc", "/sys")
#: Devices that are nothing but functions of the kernel, and shared memory.
_DEVICES = ("null", "zero", "full", "random", "urandom", "shm")
_TERMINALS = ("tty", "ptmx", "pts")
#: Lead to programs that act for the account; Landlock does not keep a process from their sockets.
_HELPERS = ("SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
#: Credentials for git and installers, which have done their work when a script begins.
_PREPARING = ("GIT_CONFIG_", "GIT_ASKPASS", "GIT_SSH", "UV_", "PIP_", "POETRY_")
_DEEPEST = 100  #: folders in folders that another account is shown
#: Processes and threads of the account of scripts, all together, so that there are numbers left for others.
_PROCESSES = 4096
_NAMED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Isolation:
    """The rights of one run, or of one build.

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
        """Read the form in a spec."""
        lists = {name: tuple(known[name]) for name in ("reads", "writes", "hidden")}
        return cls(**{**known, **lists})

    def to_dict(self) -> dict[str, Any]:
        """For a spec."""
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
        """Give up all other rights for good, in this process and all it starts.

        :raises OSError: if the kernel refuses, or other threads would go on as before
        """
        if not self.apart:
            return
        if len(os.listdir("/proc/self/task")) > 1:
            raise OSError("cannot isolate the script: libraries that were preloaded have started threads")
        if self.mode == "uid":
            _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
            most = _PROCESSES if hard == resource.RLIM_INFINITY else min(hard, _PROCESSES)
            resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
            os.setgroups([])
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)
            # The kernel forgets both when the account changes.
            confidential.keep_private(False)
            processes.end_with_parent()
        processes.give_up_capabilities()
        if landlock.version():
            wanted = (*map(os.path.realpath, _SYSTEM), *interpreter(), *_named(), *self.reads)
            visible = [path for folder in wanted for path in landlock.around(folder, self.hidden)]
            listed = [folder for folder in wanted if landlock.listable(folder, self.hidden)]
            landlock.restrict(visible, [*_devices(self.mode), *self.writes], listed)
        seccomp.restrict()

    def set_environment(self, run_directory: str, building: bool = False) -> None:
        """Lead the environment to files of the script's own, and to no helper of the server's account."""
        if not self.apart:
            return
        for name in list(os.environ):
            if name in _HELPERS or (name.startswith(_PREPARING) and not building):
                confidential.erase(name)
        os.environ["HOME"] = os.path.join(run_directory, "work")
        os.environ["TMPDIR"] = os.path.join(run_directory, "tmp")
        if self.mode == "uid":
            os.environ["USER"] = os.environ["LOGNAME"] = _name_of(self.uid)


@functools.cache
def interpreter() -> list[str]:
    """The folders of this interpreter, the server and importable modules."""
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
    """Targets of the machine's settings outside its system folders."""
    files = [os.environ[name] for name in _NAMED if os.environ.get(name)]
    return [os.path.realpath(path) for path in (*files, "/etc/resolv.conf", "/etc/localtime")]


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# -- sharing files with another account -------------------------------------------------------------------


def give(path: str, account: tuple[int, int]) -> None:
    """Have an empty folder belong to an account."""
    os.chown(path, *account, follow_symlinks=False)


def show(path: str, gid: int, maker: int | None = None) -> None:
    """Let a group read a folder, and all in it, which belongs to this process's account from now on.

    Other processes of its maker may change it meanwhile. So each folder is taken before anybody looks into
    it, and everything is reached through the folder that was taken, and by no link.

    :param maker: the account that has made all of it
    :raises PermissionError: if something in it is another account's
    :raises OSError: if folders are nested too deeply
    """
    _show(path, None, gid, maker, 0)


def _show(name: str, folder: int | None, gid: int, maker: int | None, depth: int) -> None:
    if depth > _DEEPEST:
        raise OSError(errno.ELOOP, f"folders are nested deeper than {_DEEPEST}", name)
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if maker not in (None, status.st_uid):
            raise PermissionError(errno.EPERM, "it holds a file of another account", name)
        if stat.S_ISLNK(status.st_mode):
            os.chown(name, os.geteuid(), gid, dir_fd=folder, follow_symlinks=False)
            return
        taken = f"/proc/self/fd/{descriptor}"
        mode = status.st_mode & 0o700
        os.chown(taken, os.geteuid(), gid)
        os.chmod(taken, mode | mode >> 3 & 0o050)
        if stat.S_ISDIR(status.st_mode):
            for each in os.listdir(taken):
                _show(each, descriptor, gid, maker, depth + 1)
    finally:
        os.close(descriptor)


def lead_through(path: str, gid: int) -> None:
    """Let a group reach its files in a folder, without seeing the others."""
    os.chown(path, -1, gid)
    os.chmod(path, 0o710)
