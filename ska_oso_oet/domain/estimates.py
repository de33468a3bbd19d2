"""How long a script will probably take: what it says itself, its scheduling block, or its last runs. Pure.

An estimate is ``{"seconds", "low", "high", "source", "runs"}``; ``low`` and ``high`` are the 10th and 90th
percentile of ``runs`` runs, ``source`` is ``script``, ``block``, ``history`` or ``none``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Estimate = dict[str, Any]

MOST_RUNS = 20  #: last runs that count

#: The estimate if nothing is known; never a time of 0.
UNKNOWN: Estimate = {"seconds": None, "low": None, "high": None, "source": "none", "runs": None}


def said_by(source: str, seconds: float) -> Estimate:
    """The estimate of a script, or of a scheduling block.

    :param seconds: above 0
    """
    return {**UNKNOWN, "seconds": seconds, "source": source}


def of_history(documents: Iterable[dict[str, Any]]) -> Estimate:
    """The estimate by past runs.

    :param documents: of procedures or activities that are COMPLETE, the newest first
    """
    times = [(one.get("started"), one.get("ended")) for one in documents]
    durations = [ended - started for started, ended in times if started and ended and ended > started]
    durations = sorted(durations[:MOST_RUNS])
    if not durations:
        return UNKNOWN
    low, middle, high = (_percentile(durations, share) for share in (0.1, 0.5, 0.9))
    return {"seconds": middle, "low": low, "high": high, "source": "history", "runs": len(durations)}


def _percentile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
