"""One measured figure, and how it is shown."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A measurement beside its floor and its goal."""

    name: str
    value: float
    unit: str  #: what ``value`` counts: a floor's name, or a plain unit
    goal: float
    absolute: str
    n: int
    more_is_better: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal


def median_ms(seconds: Iterable[float]) -> str:
    """The median in milliseconds, for people."""
    return f"{statistics.median(seconds) * 1e3:.2f} ms"


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(figures: list[Figure]) -> str:
    """All figures as a Markdown table."""
    lines = ["| figure | measured | goal | met | absolute | n |", "|---|---|---|---|---|---|"]
    for f in figures:
        met = "yes" if f.met else "no"
        lines.append(
            f"| {f.name} | {f.value:.2f} {f.unit} | {f.goal:g} {f.unit} | {met} | {f.absolute} | {f.n} |"
        )
    return "\n".join(lines) + "\n"
