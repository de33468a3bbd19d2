"""Feature flags: what can be switched on, or off, before it is so for everybody.

The first of these that names a flag decides:

1. the environment variable ``OET_FEATURE_<NAME>``;
2. ``ska_oso_oet.ini`` in the user's home;
3. ``ska_oso_oet.ini`` in the root of the installation folder, which is this package's;
4. the default in :data:`FLAGS`.

Both files have one section, ``[features]``, with ``<name> = true`` or ``false``.
"""

from __future__ import annotations

import configparser
import dataclasses
import difflib
import os
import stat
from collections.abc import Collection, Mapping, Sequence

from .readers import switch

PREFIX = "OET_FEATURE_"
FILE = "ska_oso_oet.ini"
SECTION = "features"
MOST = 64 * 1024  #: characters of a file


class BadFlag(Exception):  # noqa: N818  reads as a sentence on the command line
    """A flag that cannot be read; the message names the variable, or the file and the key."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flag:
    """A flag; its name is in small letters, with underscores."""

    name: str
    default: bool
    meaning: str

    @property
    def variable(self) -> str:
        """The environment variable that goes before everything else."""
        return PREFIX + self.name.upper()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """The value of a flag, and where it was found: a variable, a file, or ``default``."""

    on: bool
    source: str


#: Every flag there is. To add one, add it here; what it switches takes ``read_flags(…)[name].on``.
FLAGS: tuple[Flag, ...] = ()


def places() -> tuple[str, str]:
    """Where the files are looked for, the one that goes first first."""
    return (
        os.path.join(os.path.expanduser("~"), FILE),
        os.path.join(os.path.dirname(os.path.abspath(__file__)), FILE),
    )


def read_flags(
    environ: Mapping[str, str], flags: Collection[Flag] = FLAGS, files: Sequence[str] | None = None
) -> dict[str, Found]:
    """Read all flags, by name.

    :param files: the one that goes first first
    :raises BadFlag: for what cannot be read or used, and for what names no flag
    """
    names = [flag.name for flag in flags]
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in [flag.variable for flag in flags]:
            raise BadFlag(f"{variable}: {_unknown(variable.removeprefix(PREFIX).lower(), names)}")
    read = [(path, _read_file(path, names)) for path in (places() if files is None else files)]
    found = {}
    for flag in flags:
        value = Found(on=flag.default, source="default")
        # All are looked at, so that a slip shows though something else decides today.
        for path, values in reversed(read):
            if flag.name in values:
                value = _found(values[flag.name], f"{path}: {flag.name}", path)
        if flag.variable in environ:
            value = _found(environ[flag.variable], flag.variable, flag.variable)
        found[flag.name] = value
    return found


def _found(text: str, where: str, source: str) -> Found:
    try:
        return Found(on=switch(text), source=source)
    except ValueError as error:
        raise BadFlag(f"{where} = {text!r} cannot be used: {error}") from None


def _read_file(path: str, names: Sequence[str]) -> dict[str, str]:
    # No section is like another one, and a percent sign is one.
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(_text(path), path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if not os.access(os.path.dirname(path), os.X_OK, effective_ids=True):
            return {}  # in a container the home may well be another user's
        raise BadFlag(f"{path} cannot be read: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise BadFlag(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    for section in parser.sections():
        if section != SECTION:
            raise BadFlag(f"{path}: [{section}] is unknown; flags are set in [{SECTION}]")
    values = dict(parser[SECTION]) if parser.has_section(SECTION) else {}
    for key in values:
        if key not in names:
            raise BadFlag(f"{path}: {_unknown(key, names)}")
    return values


def _text(path: str) -> str:
    # A pipe would be waited for, a device need never end. Editors of Windows begin with a byte order mark.
    with open(path, encoding="utf-8-sig", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BadFlag(f"{path} cannot be read: it is no file; remove it, or put one in its place")
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise BadFlag(f"{path} cannot be read: it is longer than {MOST // 1024} KiB; leave only flags in it")
    return text


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _unknown(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(names) or 'none'}"
    return f"there is no feature flag {name!r}; {hint}"
