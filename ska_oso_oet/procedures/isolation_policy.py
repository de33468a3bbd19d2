"""The server's part in isolating scripts: checks that it is possible, and decides each script's rights."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import sys
from collections.abc import Iterable

from ..kernel import confidential, landlock, seccomp
from ..kernel.isolation import Isolation, lead_through, show
from ..settings import Settings

LOG = logging.getLogger(__name__)

#: The capabilities of a server that gives scripts another account, with their bits.
NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7}


class NotPossible(Exception):  # noqa: N818  reads as a sentence
    """Scripts cannot be isolated as the settings say; the message gives the reason and the remedy."""


def isolation_of(
    settings: Settings, folder: str | None, run_dir: str, given: Iterable[str] = ()
) -> Isolation:
    """The rights of the script of one run.

    :param folder: its folder; none for a script from git, which is not there yet
    :param given: folders that are handed to it
    """
    if settings.script_isolation == "none":
        return Isolation()
    given, run_dir = list(given), os.path.realpath(run_dir)
    uid, gid = account_of(settings) if settings.script_isolation == "uid" else (0, 0)
    homes = (settings.scripts_location, *(path for path in settings.script_paths if path != "/"))
    if uid:
        for shown in given:
            show(shown, gid)
    return Isolation(
        mode=settings.script_isolation,
        uid=uid,
        gid=gid,
        reads=tuple(map(os.path.realpath, (*homes, *([folder] if folder else ()), run_dir, *given)))
        + settings.script_reads,
        writes=(
            *(os.path.join(run_dir, name) for name in ("work", "tmp", "saying")),
            *settings.script_writes,
        ),
        hidden=_hidden(settings),
    )


def make_possible(settings: Settings) -> None:
    """Check that scripts can be isolated as the settings say, and open their folders to another account.

    :raises NotPossible: if they cannot be
    """
    if settings.script_isolation == "none":
        return
    version = landlock.version()
    if settings.script_isolation == "uid":
        _make_account_possible(settings, *account_of(settings))
    elif version < landlock.WHOLE:
        has = f"version {version}" if version else "none, or has it switched off"
        raise NotPossible(
            f"OET_SCRIPT_ISOLATION=landlock needs version {landlock.WHOLE} of Landlock (Linux 6.2), and this "
            f"kernel has {has}; choose uid or none"
        )
    if not seccomp.is_possible():
        raise NotPossible("scripts can be isolated by a kernel with filters (seccomp) only; choose none")
    if version < landlock.SCOPES:
        LOG.warning(
            "Scripts are less isolated than they could be: this kernel has version %d of Landlock, and "
            "version %d (Linux 6.12) keeps signals and abstract sockets inside as well",
            version,
            landlock.SCOPES,
        )
    shared = os.path.realpath("/dev/shm")
    for path in (*settings.script_writes, shared):
        opened = f"{'scripts share' if path == shared else 'OET_SCRIPT_WRITES names'} {path}"
        for hidden in (*_hidden(settings), *_followed()):
            if _is_within(hidden, path):
                raise NotPossible(f"{opened}, and {hidden} in it is nothing for scripts")
        for whole in (settings.state_dir, *_modules()):
            if _is_within(path, os.path.realpath(whole)):
                raise NotPossible(f"{opened}, which lies in {whole}: that is nothing for scripts")


def account_of(settings: Settings) -> tuple[int, int]:
    """The account of scripts: its number, and that of its group.

    :raises NotPossible: if there is none
    """
    name, _, group = settings.script_account.partition(":")
    try:
        known = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
        uid, gid = known.pw_uid, known.pw_gid
    except KeyError:
        if not name.isdecimal():
            raise NotPossible(
                f"OET_SCRIPT_ISOLATION=uid needs an account for scripts; OET_SCRIPT_ACCOUNT={name!r} names "
                "none; name another, or give a number"
            ) from None
        uid = gid = int(name)
    if group.isdecimal():
        gid = int(group)
    if uid in (0, os.geteuid()) or gid in (0, os.getegid()):
        raise NotPossible("OET_SCRIPT_ACCOUNT must be neither root nor the server's own account or group")
    return uid, gid


def closed_to(uid: int, gid: int, folder: str) -> str | None:
    """The first folder on the way to one, or that itself, that an account cannot pass through."""
    names = folder.strip("/").split("/")
    for path in ("/", *(f"/{'/'.join(names[: n + 1])}" for n in range(len(names)))):
        with contextlib.suppress(FileNotFoundError):
            known = os.stat(path)
            if not known.st_mode >> (6 if known.st_uid == uid else 3 if known.st_gid == gid else 0) & 1:
                return path
    return None


def _make_account_possible(settings: Settings, uid: int, gid: int) -> None:
    with open("/proc/self/status") as file:
        held = int(next(line for line in file if line.startswith("CapEff:")).split()[1], 16)
    if os.geteuid() or any(not held >> bit & 1 for bit in NEEDED.values()):
        raise NotPossible(
            f"OET_SCRIPT_ISOLATION=uid needs a server that runs as root with the capabilities "
            f"{', '.join(NEEDED)}; choose landlock or none"
        )
    if (closed := closed_to(uid, gid, os.path.dirname(settings.state_dir))) is not None:
        raise NotPossible(
            f"the account of scripts cannot reach OET_STATE_DIR={settings.state_dir}: {closed} is closed to "
            "it; choose another, such as /var/lib/oet"
        )
    for path in (sys.prefix, sys.base_prefix, os.path.dirname(os.path.abspath(__file__))):
        if (closed := closed_to(uid, gid, os.path.realpath(path))) is not None:
            raise NotPossible(
                f"the account of scripts cannot reach Python and the OET in {path}: {closed} is closed to "
                "it; install them elsewhere, such as in /opt"
            )
    for path in _passwords(settings):
        if os.path.exists(path) and os.stat(path).st_mode & 0o004:
            raise NotPossible(
                f"{path} can be read by the account of scripts; take that right from it: chmod 600"
            )
    caches = [os.path.join(settings.state_dir, name) for name in ("git/trees", "environments")]
    own = (settings.state_dir, settings.runs, settings.checks, settings.activities)
    for folder in (*own, *map(os.path.dirname, caches)):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        lead_through(folder, gid)
    for cache in caches:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        if os.stat(cache).st_gid != gid:
            for name in os.listdir(cache):
                if os.path.isdir(os.path.join(cache, name)):
                    _show(os.path.join(cache, name), gid)
        lead_through(cache, gid)


def _show(path: str, gid: int) -> None:
    try:
        show(path, gid)
    except OSError as error:
        raise NotPossible(
            f"{path} cannot be shown to the account of scripts: {error.strerror}; remove it"
        ) from None


def _hidden(settings: Settings) -> tuple[str, ...]:
    journal = (f"{settings.journal_file}{ending}" for ending in ("", "-wal", "-shm", ".numbers"))
    return tuple(os.path.realpath(path) for path in (settings.state_dir, *journal, *_passwords(settings)))


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _modules() -> list[str]:
    """The folders of modules, the server's among them."""
    return [path for path in sys.path if os.path.isdir(path)]


def _followed() -> list[str]:
    """Files that programs of the server run, or take orders from."""
    programs = os.environ.get("PATH", os.defpath).split(os.pathsep)
    named = (
        os.environ.get(name) for name in ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")
    )
    return [os.path.realpath(path) for path in (*programs, *_modules(), *named) if path]


def _passwords(settings: Settings) -> list[str]:
    named = (os.environ.get(name) for name in confidential.FILES)
    return [path for path in (settings.git_credentials, settings.pip_credentials, *named) if path]
