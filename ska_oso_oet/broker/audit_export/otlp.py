"""Sends records of the audit to an OpenTelemetry collector, as log records over HTTP.

The OpenTelemetry packages and requests are imported with the first records, since that takes long.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any

from ...bus import topics
from ...domain.audit_hash import canonical

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.resources import Resource

_PATIENCE = 5.0  #: seconds for an export, with all its attempts
_LARGEST = 2**20  #: bytes of an answer
_PATH = "/v1/logs"
_SERVICE = "ska-oso-oet"


class Unsent(Exception):  # noqa: N818  reads as a sentence
    """The collector has not confirmed the records."""


def is_installed() -> bool:
    """Whether the OpenTelemetry packages are installed."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


class Otlp:
    """A collector. The body of a log record is the canonical form of a record of the audit.

    :param url: its address, with or without the path for logs
    """

    name = "otlp"

    def __init__(self, url: str, subarray: int) -> None:
        self.address = url
        self._endpoint = url.rstrip("/").removesuffix(_PATH) + _PATH
        self._subarray = subarray
        self._exporter: tuple[OTLPLogExporter, Resource] | None = None

    def send(self, records: list[dict[str, Any]]) -> None:
        """Send records.

        :raises Unsent: if they may not have arrived
        """
        exporter, resource = self._exporter = self._exporter or self._make()
        result = exporter.export([_log_record(record, resource) for record in records])
        if result.value:  # 0 for success
            raise Unsent("the collector cannot be reached, or does not take them")

    def close(self) -> None:
        """Do nothing: no connection is kept open."""

    def _make(self) -> tuple[OTLPLogExporter, Resource]:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk.resources import Resource

        from ...outgoing.bounded_session import BoundedSession

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # the exporter logs each failure once
        about = {"oet.worker": "Bus", "oet.subarray": str(self._subarray)}
        resource = Resource.create({"service.name": _SERVICE}).merge(Resource(about))
        session = BoundedSession(_PATIENCE, _LARGEST)
        return OTLPLogExporter(endpoint=self._endpoint, timeout=_PATIENCE, session=session), resource


def _log_record(record: dict[str, Any], resource: Resource) -> ReadableLogRecord:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import ReadableLogRecord

    payload = record["payload"]
    refused = record["topic"] == topics.AUTH_REFUSED or (payload.get("status") or 0) >= 400
    severity = SeverityNumber.WARN if refused else SeverityNumber.INFO
    attributes = {"n": record["n"], "hash": record["hash"], "request_id": record["request_id"]}
    log_record = LogRecord(
        timestamp=int((record["time"] or 0) * 1e9),
        severity_number=severity,
        severity_text=severity.name,
        body=canonical(record),
        event_name=f"oet.{record['topic']}",
        attributes={f"oet.audit.{name}": value for name, value in attributes.items() if value is not None},
    )
    return ReadableLogRecord(log_record, resource)
