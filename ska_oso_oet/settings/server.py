"""Settings of the server's state, logs and audit."""

from __future__ import annotations

import dataclasses

from . import parse
from .declaration import setting

MOST_SUBARRAYS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings of the server's state, logs and audit."""

    subarray_id: int = setting(
        "OET_SUBARRAY_ID", "1", "the subarray this instance drives", parse.whole(1, MOST_SUBARRAYS)
    )
    state_dir: str = setting(
        "OET_STATE_DIR",
        "",
        "journal, run directories and sockets; by default `$XDG_STATE_HOME/oet/subarray-<id>` or "
        "`~/.local/state/oet/subarray-<id>`",
        parse.path,
    )
    database_url: str = setting(
        "OET_DATABASE_URL",
        "",
        "`postgresql+psycopg://user:password@host/database` of the central history of all subarrays, to "
        "which the journal in the state directory is copied; or `sqlite:///path` of a journal elsewhere",
        parse.database,
        secret=True,
    )
    history: int = setting("OET_HISTORY", "10", "number of procedures listed", parse.whole(1, 1000))
    retention_days: int = setting(
        "OET_RETENTION_DAYS",
        "365",
        "retention in days of journal entries and of the folders of runs and activities; live and listed "
        "procedures are never removed",
        parse.whole(1, 36500),
    )
    watchdog: float | None = setting(
        "OET_WATCHDOG",
        "30 s",
        "time without a heartbeat after which a worker is killed and restarted, or `none`",
        parse.patience,
    )
    otlp_endpoint: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "OpenTelemetry collector of traces (OTLP over HTTP); if unset, tracing is disabled. Needs "
        "`ska_oso_oet[tracing]`; the other variables of OpenTelemetry apply as well",
    )
    audit_syslog: str = setting(
        "OET_AUDIT_SYSLOG",
        "",
        "syslog receiver of the audit: `tls://host:6514`, `tcp://host:601`, "
        "`udp://host:514` or `unix:///dev/log`",
        parse.syslog,
    )
    audit_syslog_ca: str = setting(
        "OET_AUDIT_SYSLOG_CA",
        "",
        "file with CA certificates for `tls://host`; by default those of the system",
        parse.path,
    )
    audit_otlp: str = setting(
        "OET_AUDIT_OTLP",
        "",
        "OpenTelemetry collector of the audit as log records (OTLP over HTTP, `http://host:4318`). Needs "
        "`ska_oso_oet[tracing]`; `OTEL_EXPORTER_OTLP_HEADERS` and the like apply as well",
        parse.collector,
    )
    log_level: str = setting("LOG_LEVEL", "INFO", "lowest level of log lines", parse.level)
    log_format: str = setting(
        "OET_LOG_FORMAT", "ska", "`ska` (the SKA log line) or `text`", parse.choice("ska", "text")
    )
