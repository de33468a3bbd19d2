"""What all commands of `oet-server` share: options, and settings read from them and from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from . import confidential, logs
from .features import BadFlag, read_flags
from .settings import BadSetting, Settings, read_settings
from .variables import VARIABLES

STATE = (
    click.option("--state-dir", help="Where everything is kept (OET_STATE_DIR)."),
    click.option("--subarray", "subarray_id", help="The subarray this instance drives (OET_SUBARRAY_ID)."),
)
SERVING = (
    click.option("--host", help="Address REST listens on (OET_HOST)."),
    click.option("--port", help="Port REST listens on; 0 picks one (OET_PORT)."),
    *STATE,
)


def taking(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Options that override settings, wherever on the command line they are."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def settings_of(context: click.Context, options: dict[str, str | None], name: str) -> Settings:
    """The settings of a command; of options given twice the last one counts.

    :param name: who speaks in the log
    :raises click.ClickException: where a setting or a feature flag cannot be read
    """
    confidential.begin()
    given = {key: value for key, value in options.items() if value is not None}
    # What we write is nobody else's business; what scripts write is theirs. Workers inherit the variable.
    inherited, umask = os.umask(0o077), VARIABLES["script_umask"].name
    os.environ[umask] = os.environ.get(umask) or f"{inherited:03o}"
    try:
        read_flags(os.environ)
        settings = read_settings(os.environ, (context.obj or {}) | given)
    except (BadSetting, BadFlag) as error:
        raise click.ClickException(str(error)) from None
    logs.configure(settings.log_level, settings.log_format, name)
    return settings
