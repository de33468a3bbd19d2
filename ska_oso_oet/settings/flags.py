"""Feature flags: switches for features that are still optional.

The first of these sources that names a flag takes precedence: the environment variable
``OET_FEATURE_<NAME>``; a file in the user's home, then one in the folder of this package; the default.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Collection, Mapping
from typing import NamedTuple

from .parse import switch

PREFIX, FILE, SECTION = "OET_FEATURE_", "ska_oso_oet.ini", "features"
FILES = (os.path.join(os.path.dirname(os.path.dirname(__file__)), FILE), os.path.join("~", FILE))


class BadFlag(Exception):  # noqa: N818  reads as a sentence on the command line
    """A flag that cannot be read; the message names its source."""


class Flag(NamedTuple):
    """A flag; its name is in lower case, with underscores."""

    name: str
    default: bool
    meaning: str


#: All flags. A feature reads its flag with ``read_flags(os.environ)[name]``.
FLAGS: tuple[Flag, ...] = ()


def read_flags(environ: Mapping[str, str], flags: Collection[Flag] = FLAGS) -> dict[str, tuple[bool, str]]:
    """Read the value of each flag, and its source: a variable, a file, or ``default``.

    :raises BadFlag: for an unknown flag, and for a file or value that cannot be used, in any source
    """
    sources = [(path, _read_file(path)) for path in map(os.path.expanduser, FILES)]
    variables = {name: name.removeprefix(PREFIX).lower() for name in environ if name.startswith(PREFIX)}
    sources += [(variable, {name: environ[variable]}) for variable, name in variables.items()]
    values = {flag.name: (flag.default, "default") for flag in flags}
    for source, name, text in ((source, *item) for source, texts in sources for item in texts.items()):
        if name not in values:
            names = ", ".join(values) or "none"
            raise BadFlag(f"{source}: there is no feature flag {name!r}; known are: {names}")
        try:
            values[name] = (switch(text), source)
        except ValueError as error:
            raise BadFlag(f"{source}: {name} = {text!r} cannot be used: {error}") from None
    return values


def _read_file(path: str) -> dict[str, str]:
    if not os.path.exists(path):  # so it is in a home of another user, as in a container
        return {}
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        with open(path, encoding="utf-8-sig") as file:
            parser.read_file(file)
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise BadFlag(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if unknown := set(parser.sections()) - {SECTION}:
        raise BadFlag(f"{path}: [{unknown.pop()}] is unknown; flags are set in [{SECTION}]")
    return dict(parser[SECTION]) if parser.sections() else {}
