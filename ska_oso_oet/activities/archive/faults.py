"""What errors of PostgreSQL mean, as sentences with the action to take, and without passwords."""

from __future__ import annotations

import psycopg
from psycopg import errors

from ...domain.errors import ArchiveAway, Invalid, Refusal
from .entities import AGAIN

_LOGIN = ("password authentication failed", "no password supplied", "role ", "no pg_hba.conf entry")


def unreachable(where: str, error: psycopg.Error) -> ArchiveAway:
    """No connection."""
    if isinstance(error, psycopg.ProgrammingError):  # its text may hold the password
        return ArchiveAway(f"the archive {where} cannot be reached: OET_ODA_URL cannot be read; correct it")
    lines = [line for line in str(error).splitlines() if line.strip() and "Is the server running" not in line]
    reason = _printable(lines[-1] if lines else type(error).__name__)
    if any(sign in reason for sign in _LOGIN):
        remedy = "check the user and password in OET_ODA_URL, or PGUSER and PGPASSWORD"
    elif "database " in reason and "does not exist" in reason:
        remedy = "check the database in OET_ODA_URL, or PGDATABASE"
    else:
        remedy = AGAIN
    return ArchiveAway(f"the archive {where} cannot be reached: {reason}; {remedy}")


def late(where: str, seconds: float) -> ArchiveAway:
    """No answer in time."""
    return ArchiveAway(f"the archive {where} did not answer within {seconds:g} s; {AGAIN}")


def no_layout(where: str) -> ArchiveAway:
    """None of the tables that an ODA has."""
    return ArchiveAway(
        f"the archive {where} has neither project.sb_definitions nor tab_oda_sbd; check that it is the ODA's "
        "database, and that this user may read its tables"
    )


def meant(where: str, error: psycopg.Error) -> Refusal:
    """A statement that was not carried out."""
    said = _printable(error.diag.message_primary or str(error).partition("\n")[0])
    if isinstance(error, errors.InsufficientPrivilege):
        return ArchiveAway(f"the archive {where} refuses: {said}; grant this user what it lacks")
    if isinstance(error, errors.QueryCanceled):
        return ArchiveAway(f"the archive {where} takes too long: {said}; {AGAIN}")
    if isinstance(error, psycopg.DataError):
        return Invalid(f"arguments cannot be stored as JSON in the archive {where}: {said}")
    if isinstance(error, psycopg.OperationalError):
        return ArchiveAway(f"the connection to the archive {where} was lost: {said}; {AGAIN}")
    return ArchiveAway(
        f"the archive {where} refuses: {said}; check that its tables are those of ODA 7 to 12, 18 or 19"
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()[:300]
