"""All metrics; docs/reference/metrics.md is generated from it."""

from __future__ import annotations

from .instruments import Counter, Gauge, Histogram, Metric

OTHER = "other"  #: label of all unlisted values
WORKERS = ("Bus", "SESWorker", "ActivityWorker", "FlaskWorker", "CentralWorker")

_QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STOPS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 60.0)
_PHASES = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 36000.0)

PROCEDURES = Gauge(
    name="oet_procedures", labels=("state",), meaning="Procedures in the list of the newest ones"
)
FINISHED = Counter(
    name="oet_procedures_finished_total",
    labels=("state", "reason"),
    meaning="Ended procedures, by final state and the reason of their outcome",
    always=(("COMPLETE", "completed"), ("FAILED", "script_error"), ("STOPPED", "stopped")),
)
PHASE = Histogram(
    name="oet_procedure_phase_seconds",
    labels=("phase",),
    meaning="Duration of a phase of a procedure; phases of preparation are counted when the procedure is "
    "READY, later ones at its end",
    buckets=_PHASES,
)
STOP = Histogram(
    name="oet_stop_seconds",
    meaning="Time from a request to stop a procedure until all its processes have ended",
    buckets=_STOPS,
)
SURVIVORS = Counter(
    name="oet_stop_survivors_total", meaning="Processes of scripts that a stop could not end; alarm on any"
)
ABORTS_FAILED = Counter(
    name="oet_aborts_failed_total", meaning="Aborts of the subarray that did not happen; alarm on any"
)
DRAINED = Gauge(name="oet_drained", meaning="Whether new work is refused (1) or accepted (0)")
WARM = Gauge(name="oet_warm_interpreters", meaning="Interpreters that wait for the next procedure")
WARM_TARGET = Gauge(name="oet_warm_interpreters_target", meaning="Configured number of warm interpreters")

DELIVERY = Histogram(
    name="oet_bus_delivery_seconds",
    labels=("worker",),
    meaning="Time from the publication of messages to their delivery to this worker, journal included",
    buckets=_QUICK,
)
BACKLOG = Gauge(
    name="oet_bus_backlog_bytes",
    labels=("worker",),
    meaning="Bytes that a worker has yet to read from the bus",
)
UNACKNOWLEDGED = Gauge(
    name="oet_bus_unacknowledged_messages",
    labels=("worker",),
    meaning="Messages of a worker that may not be in the journal yet",
)
FRAMES = Counter(
    name="oet_bus_frames_total",
    labels=("direction",),
    always=(("in",), ("out",)),
    meaning="Frames between the bus and its workers, as the bus sees them",
)
WRITE = Histogram(
    name="oet_journal_write_seconds",
    meaning="Time to write a batch of messages to the journal",
    buckets=_QUICK,
)
WRITTEN = Counter(name="oet_journal_written_total", meaning="Messages written to the journal")
UNWRITTEN = Gauge(
    name="oet_journal_unwritten_messages",
    meaning="Messages kept in memory because the journal cannot be written; alarm on any",
)
MESSAGES = Gauge(name="oet_journal_messages", meaning="Messages in the journal")

_TARGETS = (("syslog",), ("otlp",))

AUDIT_SENT = Counter(
    name="oet_audit_sent_total",
    labels=("target",),
    meaning="Records of the audit sent to `syslog` or `otlp`; some may be sent twice",
    always=_TARGETS,
)
AUDIT_WAITING = Gauge(
    name="oet_audit_waiting",
    labels=("target",),
    meaning="Records of the audit that wait to be sent",
)
AUDIT_MISSED = Counter(
    name="oet_audit_missed_total",
    labels=("target",),
    meaning="Records of the audit that expired before they could be sent; alarm on any",
    always=_TARGETS,
)

STREAM_CLIENTS = Gauge(name="oet_stream_clients", meaning="Clients of the event stream")
STREAM_DROPPED = Counter(
    name="oet_stream_dropped_total", meaning="Clients of streams disconnected because they read too slowly"
)
REQUEST = Histogram(
    name="oet_http_request_seconds",
    labels=("route", "method", "status"),
    meaning="Time to answer a request, by route (`other` if there is none), method and class of the status; "
    "for an event stream, until it begins",
    buckets=_QUICK,
)
LAG = Histogram(
    name="oet_event_loop_lag_seconds",
    labels=("worker",),
    meaning="Delay of the event loop of a worker, measured twice a second",
    buckets=_QUICK,
)
RESTARTS = Counter(
    name="oet_worker_restarts_total",
    labels=("worker",),
    meaning="Workers restarted after an unexpected end",
    always=tuple((worker,) for worker in WORKERS),
)

# Set by the request for the metrics.
JOURNAL_BYTES = Gauge(
    name="oet_journal_bytes",
    meaning="Size of the journal's files",
)
DISK_FREE = Gauge(name="oet_state_disk_free_bytes", meaning="Free space of the state directory's file system")

CATALOGUE: dict[str, Metric] = {
    metric.name: metric for metric in globals().values() if isinstance(metric, Metric)
}
