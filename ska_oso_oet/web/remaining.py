"""How long a running script has run, and still takes. Pure."""

from __future__ import annotations

from typing import Any

_LONGEST = 1e9  #: seconds, beyond which an extrapolation says nothing
_UNKNOWN = {"seconds": None, "source": "none"}


def with_times(procedure: dict[str, Any], now: float) -> dict[str, Any]:
    """The document of a procedure with ``elapsed`` and ``remaining``, which change by themselves.

    :param now: seconds since the epoch
    """
    began, ended = procedure["started"], procedure["ended"]
    elapsed = None if began is None else max(0.0, (ended or now) - began)
    left = None if procedure["state"] != "RUNNING" else _remaining(procedure, began, now)
    return {**procedure, "elapsed": elapsed, "remaining": left}


def _remaining(procedure: dict[str, Any], began: float, now: float) -> dict[str, Any]:
    progress, estimate, pause = procedure["progress"], procedure["estimate"], procedure["pause"]
    if pause["state"] == "paused":
        now = pause["since"]
    if progress is not None and progress["of"] and 0 < progress["done"] <= progress["of"]:
        each = max(0.0, progress["time"] - began) / progress["done"]
        seconds = each * (progress["of"] - progress["done"]) - (now - progress["time"])
        if not seconds <= _LONGEST:
            return _UNKNOWN
        return {"seconds": max(0.0, seconds), "source": "progress"}
    if estimate is not None and estimate["seconds"] is not None:
        return {"seconds": max(0.0, began + estimate["seconds"] - now), "source": estimate["source"]}
    return _UNKNOWN
