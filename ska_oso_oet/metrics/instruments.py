"""The kinds of metrics: what goes up, what stands, and how long things take."""

from __future__ import annotations

import bisect
import dataclasses

from .store import COUNTS, STANDS, STORE, Key


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its name, what it means, and the names of its labels.

    The values of labels are few, whatever clients, scripts and users do: a caller sees to that.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    always: tuple[tuple[str, ...], ...] = ()  #: values of labels that are shown though nothing was counted

    @property
    def size(self) -> int:
        """How many numbers are kept for it."""
        return 1

    def _key(self, labels: tuple[str, ...], kind: str = COUNTS) -> Key:
        assert len(labels) == len(self.labels), self.name
        return (kind, self.name, *labels)


class Counter(Metric):
    """Counts what happens."""

    def add(self, *labels: str, by: float = 1.0) -> None:
        """It happened once more."""

        def change(values: list[float]) -> None:
            values[0] += by

        STORE.change(self._key(labels), 1, change)


class Gauge(Metric):
    """Tells how many, or how much, there is. Of several processes that tell it the sum is shown."""

    def set(self, value: float, *labels: str) -> None:
        """So many there are now."""

        STORE.put(self._key(labels, STANDS), value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Histogram(Metric):
    """Tells how long things take, in seconds.

    :param buckets: upper bounds, in order; beyond the last one there is one more bucket
    """

    buckets: tuple[float, ...]

    @property
    def size(self) -> int:
        """One for each bucket, one for what is beyond, and their sum."""
        return len(self.buckets) + 2

    def observe(self, seconds: float, *labels: str) -> None:
        """It took so long."""
        bucket = bisect.bisect_left(self.buckets, seconds)

        def change(values: list[float]) -> None:
            values[bucket] += 1
            values[-1] += seconds

        STORE.change(self._key(labels), self.size, change)
