"""Logging of scripts: unless it is configured, records go to stderr with UTC time and level.

Nothing that a script can configure is touched: no handler, no level, not ``logging.lastResort``. So what
``basicConfig``, ``dictConfig`` and whatever else a script or its libraries use do, they do as under plain
Python, at whatever moment. Only what Python does by itself is another:

- loggers without a level, of their own or of their parents, take records of the level that is chosen here,
- a record that no handler gets (``NullHandler`` is none) is written with time and level,
- so does the handler write that ``logging.info()`` and the like make if there is none.

Standard library only; any Python from 3.10 on.
"""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO


def begin(level: str) -> None:
    """Show records of this level and above, until the script configures logging."""
    if logging.root.level == logging.WARNING:
        logging.root.level = _Unset(logging.WARNING)
    _put_in_place(logging.getLevelName(level))


class _Unset(int):
    """The root logger's level before it is set, even to the same."""


class _Line(logging.Formatter):
    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]  # it has none in Python 3.10
    """Writes to the ``sys.stderr`` of the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_Line())

    @property
    def stream(self) -> TextIO:
        return sys.stderr


def _put_in_place(least: int) -> None:
    is_enabled_for = logging.Logger.isEnabledFor
    call_handlers = logging.Logger.callHandlers
    basic_config = logging.basicConfig
    last_resort = logging.lastResort
    handler = _Stderr()
    made: list[logging.Handler] = []  #: by Python itself

    def is_unconfigured(logger: logging.Logger) -> bool:
        usual = logging.lastResort is last_resort
        return usual and all(found in made for found in _handlers(logger))

    @functools.wraps(is_enabled_for)
    def is_enabled_for_by_default(logger: logging.Logger, level: int) -> bool:
        enabled = is_enabled_for(logger, level)
        if enabled is (level >= least) or not (_has_no_level(logger) and is_unconfigured(logger)):
            return enabled
        return not enabled and not logger.disabled and logger.manager.disable < level

    @functools.wraps(call_handlers)
    def call_handlers_or_ours(logger: logging.Logger, record: logging.LogRecord) -> None:
        if is_unconfigured(logger) and not any(_handlers(logger)):
            handler.handle(record)
        else:
            call_handlers(logger, record)

    @functools.wraps(basic_config)
    def basic_config_with_time(**given: Any) -> None:
        by_itself = sys._getframe(1).f_globals is vars(logging) and not logging.root.handlers  # noqa: SLF001
        basic_config(**given)
        if by_itself:
            made[:] = logging.root.handlers
            made[0].setFormatter(_Line())

    setattr(logging.Logger, "isEnabledFor", is_enabled_for_by_default)  # noqa: B010  mypy wants no methods changed
    setattr(logging.Logger, "callHandlers", call_handlers_or_ours)  # noqa: B010
    logging.basicConfig = basic_config_with_time


def _chain(logger: logging.Logger) -> Iterator[logging.Logger]:
    """Those whose handlers get the logger's records."""
    while True:
        yield logger
        if not logger.propagate or logger.parent is None:
            return
        logger = logger.parent


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    for one in _chain(logger):
        yield from (handler for handler in one.handlers if not isinstance(handler, logging.NullHandler))


def _has_no_level(logger: logging.Logger) -> bool:
    while not logger.level and logger.parent is not None:  # even if it does not propagate
        logger = logger.parent
    return isinstance(logger.level, _Unset)
