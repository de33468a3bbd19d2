"""Sends the audit to syslog or to an OpenTelemetry collector as it is recorded.

===============  ===================================================================================
``exporter.py``  sends the records in the journal in order, with retries; notes its position
``syslog.py``    RFC 5424 over UDP, TCP, TLS or a Unix socket
``otlp.py``      log records of OpenTelemetry
===============  ===================================================================================
"""

from __future__ import annotations

from .exporter import Exporter, health_of
from .otlp import Otlp
from .syslog import Syslog

__all__ = ["Exporter", "Otlp", "Syslog", "health_of"]
