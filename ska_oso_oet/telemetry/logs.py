"""Log lines: the SKA format, ``1|time|LEVEL|thread|function|file#line|tags|message``, on stderr."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import re
import sys
import time
from collections.abc import Iterator

#: Whoever reads a log in a terminal must not be at the mercy of the names in it.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_TAGS: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("tags", default=None)


class SkaFormatter(logging.Formatter):
    """Formats a record as one SKA log line.

    :param worker: name of the worker
    :param tags: tags of all lines
    """

    def __init__(self, worker: str, **tags: object) -> None:
        super().__init__()
        self._tags = {"worker": worker, **{name: _tag(value) for name, value in tags.items()}}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, followed by the lines of a traceback."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        tags = {**self._tags, **(_TAGS.get() or {})}
        fields = (
            "1",
            f"{stamp}.{int(record.msecs):03d}Z",
            record.levelname,
            record.threadName,
            record.funcName,
            f"{record.filename}#{record.lineno}",
            ",".join(f"{name}:{value}" for name, value in tags.items()),
            _CONTROL.sub(_escaped, record.getMessage()),
        )
        line = "|".join(str(field) for field in fields)
        if not record.exc_info:
            return line
        trace = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(_CONTROL.sub(_escaped, each) for each in trace)])


@contextlib.contextmanager
def tagged(**tags: object) -> Iterator[None]:
    """Add tags (request id, procedure id, user) to the lines logged in a block; None removes a tag."""
    merged = {**(_TAGS.get() or {}), **tags}
    token = _TAGS.set({name: _tag(value) for name, value in merged.items() if value is not None})
    try:
        yield
    finally:
        _TAGS.reset(token)


def _escaped(control: re.Match[str]) -> str:
    return repr(control[0])[1:-1]


def _tag(value: object) -> str:
    # Separators of tags and fields are replaced.
    return re.sub(r"[|,\s]", "_", str(value))


def configure(level: str, style: str, worker: str, **tags: object) -> None:
    """Send this process's log to stderr.

    :param tags: tags of all lines
    """
    handler = logging.StreamHandler(sys.stderr)
    if style == "ska":
        handler.setFormatter(SkaFormatter(worker, **tags))
    else:
        layout = f"%(asctime)s %(levelname)-7s {worker}: %(message)s"
        handler.setFormatter(logging.Formatter(layout))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
