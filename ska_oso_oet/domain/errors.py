"""Refusals: why a request was not carried out, and which HTTP status that means.

::

    Refusal
     ├── Invalid        a well-formed request that cannot be meant
     ├── NotFound       no such procedure, activity or scheduling block
     ├── Conflict       not in this state, or not beside what is running
     ├── Busy           too much at once; later may work
     └── Unavailable    this server cannot take new work now
          ├── Drained
          ├── DiskFull
          ├── WorkerAway
          ├── ArchiveAway
          └── TimedOut
"""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  the field's own word
    """A request that was not carried out; ``kind`` travels, the exception never does."""

    kind = "refused"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return str(self)

    @property
    def status(self) -> int:
        """The HTTP status this refusal means."""
        return STATUS[self.kind]


class Invalid(Refusal):
    kind = "invalid"


class NotFound(Refusal):
    kind = "not_found"

    @classmethod
    def procedure(cls, pid: int) -> NotFound:
        """Refusal for an unknown procedure id."""
        return cls(f"No information available for PID={pid}")

    @classmethod
    def activity(cls, aid: int) -> NotFound:
        """Refusal for an unknown activity id."""
        return cls(f"No information available for AID={aid}")

    @classmethod
    def scheduling_block(cls, sbd_id: str, archive: str) -> NotFound:
        """Refusal for a scheduling block that is not in the archive."""
        return cls(f"no scheduling block {sbd_id} in the archive {archive}; check the ID, or store it there")

    @classmethod
    def version(cls, sbd_id: str, version: int, archive: str) -> NotFound:
        """Refusal for a version of a scheduling block that is not in the archive."""
        return cls(
            f"no version {version} of scheduling block {sbd_id} in the archive {archive}; check both, or "
            "leave out the version to observe the newest"
        )


class Conflict(Refusal):
    kind = "conflict"

    @classmethod
    def not_ready(cls, pid: int, state: str, coming: bool) -> Conflict:
        """Refusal to start a procedure that is not READY; ``coming`` if it will be."""
        remedy = "to run its script again, create another"
        if coming:
            remedy = f"try again when it is READY, or stop it: oet procedure stop --pid={pid}"
        return cls(
            f"Cannot start procedure {pid}: it is {state}, and only a READY procedure can be started; "
            f"{remedy}"
        )

    @classmethod
    def being_started(cls, pid: int) -> Conflict:
        """Refusal to start a procedure once more."""
        return cls(
            f"Cannot start procedure {pid}: procedure {pid} is being started; to see it: "
            f"oet procedure describe --pid={pid}"
        )

    @classmethod
    def over(cls, what: str, state: str) -> Conflict:
        """Refusal to stop what has ended: ``procedure 3``, say."""
        return cls(
            f"Cannot stop {what}: it is already {state}; to abort the subarray all the same: oet abort, "
            "or in REST POST /abort"
        )


class Busy(Refusal):
    kind = "busy"


class Unavailable(Refusal):
    kind = "unavailable"


class Drained(Unavailable):
    kind = "drained"


class DiskFull(Unavailable):
    kind = "disk_full"


class WorkerAway(Unavailable):
    kind = "worker_away"


class ArchiveAway(Unavailable):
    kind = "archive_away"


class TimedOut(Unavailable):
    kind = "timeout"


#: The one table from the kind of a failure to its HTTP status.
STATUS = {
    "refused": 400,
    "invalid": 422,
    "not_found": 404,
    "conflict": 409,
    "busy": 429,
    "unavailable": 503,
    "drained": 503,
    "disk_full": 503,
    "worker_away": 503,
    "archive_away": 503,
    "timeout": 504,
    "internal": 500,
}

_BY_KIND: dict[str, type[Refusal]] = {
    cls.kind: cls
    for cls in (
        Invalid,
        NotFound,
        Conflict,
        Busy,
        Unavailable,
        Drained,
        DiskFull,
        WorkerAway,
        ArchiveAway,
        TimedOut,
    )
}


def refusal(kind: str, detail: str) -> Refusal:
    """Read a refusal back from its JSON form."""
    error = _BY_KIND.get(kind, Refusal)(detail)
    if kind in STATUS:
        error.kind = kind
    return error
