"""The metrics of this server, for Prometheus."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import accumulate

from flask import Response, request
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.utils import floatToGoString

from ... import __version__
from ...settings import Settings
from ...telemetry.metrics import catalogue, instruments
from ...telemetry.metrics.store import COUNTS, CURRENT, read
from ..auth.permissions import Permission, needs
from ..context import services
from ..problems import PROBLEMS
from ..routes import Routes

_OPENMETRICS = "application/openmetrics-text"
_TEXT = exposition.CONTENT_TYPE_PLAIN_0_0_4
_ANSWER = {
    "description": "Metrics in the format of Prometheus",
    "content": {kind: {"schema": {"type": "string"}} for kind in ("text/plain", _OPENMETRICS)},
}

api = Routes("metrics", __name__, tag="health")


@api.get("/metrics", summary="Read the metrics", responses={200: _ANSWER, **PROBLEMS})
@needs(Permission.OPEN)
def metrics() -> Response:
    """At the root only. The text format, or OpenMetrics if `Accept` requests it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measured(services().settings))
    # The library's own choice fails on an invalid version.
    kind = openmetrics if _OPENMETRICS in request.headers.get("Accept", "") else exposition
    content_type = _TEXT if kind is exposition else openmetrics.CONTENT_TYPE_LATEST
    return Response(kind.generate_latest(registry), content_type=content_type)


class _Measured:
    """The metrics of all processes, as a collector of prometheus-client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._subarray = str(settings.subarray_id)

    def describe(self) -> Iterable[Metric]:
        """No names: they are checked elsewhere."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics, with a label for the subarray."""
        info = InfoMetricFamily("oet_build", "The release of the server", labels=["subarray"])
        info.add_metric([self._subarray], {"version": __version__})
        yield info
        rows = {**_at_zero(), **read(self._settings.metrics), **self._looked_up()}
        by_name: dict[str, list[tuple[tuple[str, ...], list[float]]]] = {}
        for (_, name, *labels), values in sorted(rows.items()):
            by_name.setdefault(name, []).append((tuple(labels), values))
        for name, metric in catalogue.CATALOGUE.items():
            yield self._family(metric, by_name.get(name, []))

    def _looked_up(self) -> dict[tuple[str, ...], list[float]]:
        rows: dict[tuple[str, ...], list[float]] = {}
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(self._settings.state_dir).free
            rows[CURRENT, catalogue.DISK_FREE.name] = [free]
        journal = self._settings.journal_file
        if journal is not None:
            size = sum(_size(path) for path in (journal, f"{journal}-wal"))
            rows[CURRENT, catalogue.JOURNAL_BYTES.name] = [size]
        return rows

    def _family(self, metric: instruments.Metric, rows: list[tuple[tuple[str, ...], list[float]]]) -> Metric:
        about = (metric.name, metric.meaning)
        names = ("subarray", *metric.labels)
        if isinstance(metric, instruments.Histogram):
            histogram = HistogramMetricFamily(*about, labels=names)
            bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
            for labels, (*counts, total) in rows:
                buckets = list(zip(bounds, accumulate(counts), strict=True))
                histogram.add_metric([self._subarray, *labels], buckets, total)
            return histogram
        kind = CounterMetricFamily if isinstance(metric, instruments.Counter) else GaugeMetricFamily
        family: CounterMetricFamily | GaugeMetricFamily = kind(*about, labels=names)
        for labels, (value,) in rows:
            family.add_metric([self._subarray, *labels], value)
        return family


@functools.cache
def _at_zero() -> dict[tuple[str, ...], list[float]]:
    """Counters at zero: a counter that appears later would hide its first increase."""
    rows: dict[tuple[str, ...], list[float]] = {}
    for metric in catalogue.CATALOGUE.values():
        if isinstance(metric, instruments.Gauge):
            continue
        for labels in metric.always or (() if metric.labels else ((),)):
            rows[(COUNTS, metric.name, *labels)] = [0.0] * metric.size
    return rows


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
