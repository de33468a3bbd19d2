"""Records of the audit for a collector of OpenTelemetry: log records, over HTTP.

What comes from OpenTelemetry is imported where the first records are sent, since that takes long.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any

from ...domain.chain import canonical

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.resources import Resource

_PATIENCE = 5.0  #: seconds for a conversation, with all its attempts
_PATH = "/v1/logs"
_SERVICE = "ska-oso-oet"


class Unsent(Exception):  # noqa: N818  reads as a sentence
    """The collector has not said that it took them."""


def is_installed() -> bool:
    """Whether what this needs is there."""
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
        self._made: tuple[OTLPLogExporter, Resource] | None = None

    def send(self, records: list[dict[str, Any]]) -> None:
        """Send records.

        :raises Unsent: where they may not have arrived
        """
        exporter, resource = self._made = self._made or self._make()
        result = exporter.export([_log_record(record, resource) for record in records])
        if result.value:  # 0 for success
            raise Unsent("the collector cannot be reached, or does not take them")

    def close(self) -> None:
        """Nothing is kept open that would have to be closed."""

    def _make(self) -> tuple[OTLPLogExporter, Resource]:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk.resources import Resource

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we say it once, not for ever
        about = {"oet.worker": "Bus", "oet.subarray": str(self._subarray)}
        resource = Resource.create({"service.name": _SERVICE}).merge(Resource(about))
        return OTLPLogExporter(endpoint=self._endpoint, timeout=_PATIENCE), resource


def _log_record(record: dict[str, Any], resource: Resource) -> ReadableLogRecord:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import ReadableLogRecord

    said = record["payload"]
    refused = record["topic"] == "auth.refused" or (said.get("status") or 0) >= 400
    severity = SeverityNumber.WARN if refused else SeverityNumber.INFO
    known = {"n": record["n"], "hash": record["hash"], "request_id": record["request_id"]}
    made = LogRecord(
        timestamp=int((record["time"] or 0) * 1e9),
        severity_number=severity,
        severity_text=severity.name,
        body=canonical(record),
        event_name=f"oet.{record['topic']}",
        attributes={f"oet.audit.{name}": value for name, value in known.items() if value is not None},
    )
    return ReadableLogRecord(made, resource)
