"""OpenTelemetry traces; without a collector they are disabled, and OpenTelemetry is not imported.

``OTEL_EXPORTER_OTLP_ENDPOINT`` enables them; the other variables of OpenTelemetry apply as well. A trace
begins with a request, continues in the bus messages it causes (as a W3C ``traceparent``), and ends with the
records of the supervisor. A thread exports the spans, and drops them if the collector is away.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Tracer

LOG = logging.getLogger(__name__)

_NAME = "ska-oso-oet"
_PATIENCE = 10.0  #: seconds for an export, as is the library's default
_LARGEST = 2**20  #: bytes of an answer

_tracer: Tracer | None = None
_flush: Callable[[], object] | None = None


def begin(endpoint: str, about: Mapping[str, str]) -> None:
    """Enable tracing; failures are only logged.

    :param about: resource attributes of this process
    """
    global _tracer, _flush
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from ..outgoing.bounded_session import BoundedSession

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # _Exporter logs each failure once
        resource = Resource.create({"service.name": _NAME}).merge(Resource(about))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        session = BoundedSession(_PATIENCE, _LARGEST)
        exporter: Any = _Exporter(OTLPSpanExporter(session=session), endpoint)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ImportError:
        LOG.warning("Nothing is traced: install ska_oso_oet[tracing], or unset OTEL_EXPORTER_OTLP_ENDPOINT")
    except Exception as error:  # noqa: BLE001  no failure of tracing ends a process
        LOG.warning("Cannot trace: %s", error)
    else:
        _tracer, _flush = provider.get_tracer(_NAME), provider.force_flush


def on() -> bool:
    """Whether tracing is enabled."""
    return _tracer is not None


@contextlib.contextmanager
def span(name: str, parent: str | None, **about: str | int | None) -> Iterator[dict[str, Any]]:
    """A span for a block.

    :param parent: the ``traceparent`` of its parent; if None or invalid, a trace begins
    :return: a dictionary for further attributes of the span; ``name`` replaces its name
    """
    more: dict[str, Any] = {}
    if _tracer is None:
        yield more
        return
    from opentelemetry.trace import use_span

    made = _tracer.start_span(name, context=_context(parent), attributes=_known(about))
    try:
        with use_span(made, record_exception=False, set_status_on_exception=False):
            yield more
    finally:
        made.update_name(more.pop("name", name))
        made.set_attributes(_known(more))
        made.end()


def current() -> str | None:
    """The ``traceparent`` of the current span; None if there is none."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def happened(name: str, began: float, ended: float, parent: str | None, **about: str | int | None) -> None:
    """Record a span of another process, with its start and end in seconds since the epoch."""
    if _tracer is None or parent is None:
        return
    start, end = (int(moment * 1e9) for moment in (began, ended))
    made = _tracer.start_span(name, context=_context(parent), start_time=start, attributes=_known(about))
    made.end(end_time=end)


def flush(timeout: float) -> None:
    """Export the waiting spans at the end of a process, for at most ``timeout`` seconds."""
    if _flush is not None:
        thread = threading.Thread(target=_flush, daemon=True)
        thread.start()
        thread.join(timeout)


def _context(parent: str | None) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent or ""}, Context())


def _known(about: Mapping[str, Any]) -> dict[str, Any]:
    return {f"oet.{name}": value for name, value in about.items() if value is not None}


class _Exporter:
    """An exporter that logs when its collector goes away and comes back."""

    def __init__(self, inner: SpanExporter, endpoint: str) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._away = False
        self.shutdown = inner.shutdown
        self.force_flush = inner.force_flush

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans."""
        result = self._inner.export(spans)
        if (not result.value) is self._away:  # its value is 0 for success
            self._away = not self._away
            LOG.warning("Traces %s be sent to %s", "cannot" if self._away else "can", self._endpoint)
        return result
