"""The options of `oet-server`'s commands, and the settings read from them and from the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from ..kernel import confidential
from ..telemetry import logs
from . import BadSetting, Settings, read_settings
from .flags import BadFlag, read_flags
from .variables import VARIABLES

STATE = (
    click.option("--state-dir", help="Folder of the server's state (OET_STATE_DIR)."),
    click.option(
        "--subarray",
        "--subarray_id",
        "subarray_id",
        help="The subarray this instance drives (OET_SUBARRAY_ID).",
    ),
)
SERVING = (
    click.option("--host", help="Address REST listens on (OET_HOST)."),
    click.option("--port", help="Port REST listens on; 0 picks one (OET_PORT)."),
    *STATE,
)


def taking(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Add options that override settings to a command."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def settings_of(context: click.Context, options: dict[str, str | None], name: str) -> Settings:
    """The settings of a command. Its own options override those of `oet-server`.

    :param name: name of the process in the log
    :raises click.ClickException: if a setting or a feature flag cannot be read
    """
    _start_again_without_relative_paths()
    confidential.begin()
    overrides = {key: value for key, value in options.items() if value is not None}
    # Our files are private; scripts keep the umask the server was started with. Workers inherit the variable.
    inherited, umask = os.umask(0o077), VARIABLES["script_umask"].name
    os.environ[umask] = os.environ.get(umask) or f"{inherited:03o}"
    try:
        read_flags(os.environ)
        settings = read_settings(os.environ, (context.obj or {}) | overrides)
    except (BadSetting, BadFlag) as error:
        raise click.ClickException(str(error)) from None
    logs.configure(settings.log_level, settings.log_format, name)
    return settings


def _start_again_without_relative_paths() -> None:
    """Restart without relative search paths, so that no program or module comes from the current folder."""
    for name in ("PATH", "PYTHONPATH"):
        paths = os.environ.get(name, "").split(os.pathsep)
        absolute = [path for path in paths if os.path.isabs(path)]
        if name in os.environ and absolute != paths:
            os.environ[name] = os.pathsep.join(absolute)
            if not absolute:
                del os.environ[name]
            if name == "PYTHONPATH":
                os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
