"""The audit leaves the machine as it happens: to syslog, or to a collector of OpenTelemetry.

===============  ===================================================================================
``exporter.py``  sends what is in the journal, in order, as long as it takes; keeps where it is
``syslog.py``    RFC 5424 over UDP, TCP, TLS or a socket of this machine
``otlp.py``      log records of OpenTelemetry
===============  ===================================================================================
"""

from __future__ import annotations

from .exporter import Exporter, health_of
from .otlp import Otlp
from .syslog import Syslog

__all__ = ["Exporter", "Otlp", "Syslog", "health_of"]
