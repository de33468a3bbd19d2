"""The kinds of metrics: counters, gauges and histograms."""

from __future__ import annotations

import bisect
import dataclasses

from .store import COUNTS, CURRENT, STORE, Key


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its name, meaning, and names of labels.

    Callers must limit the number of different label values, whatever clients, scripts and users do.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    always: tuple[tuple[str, ...], ...] = ()  #: values of labels that are shown even at 0

    @property
    def size(self) -> int:
        """The number of stored values per set of labels."""
        return 1

    def _key(self, labels: tuple[str, ...], kind: str = COUNTS) -> Key:
        assert len(labels) == len(self.labels), self.name
        return (kind, self.name, *labels)


class Counter(Metric):
    """Counts events."""

    def add(self, *labels: str, by: float = 1.0) -> None:
        """Add to the count."""
        STORE.add(self._key(labels), 1, (0, by))


class Gauge(Metric):
    """A current value; those of several processes are added."""

    def set(self, value: float, *labels: str) -> None:
        """Set the value."""
        STORE.put(self._key(labels, CURRENT), value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Histogram(Metric):
    """The distribution of durations.

    :param buckets: upper bounds in seconds, in order; one more bucket is beyond the last one
    """

    buckets: tuple[float, ...]

    @property
    def size(self) -> int:
        """One count per bucket, and the sum of the durations."""
        return len(self.buckets) + 2

    def observe(self, seconds: float, *labels: str) -> None:
        """Add a duration."""
        bucket = bisect.bisect_left(self.buckets, seconds)
        STORE.add(self._key(labels), self.size, (bucket, 1.0), (-1, seconds))
