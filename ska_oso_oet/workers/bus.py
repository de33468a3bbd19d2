"""The bus process: the broker and the journal."""

from __future__ import annotations

import os
import threading

import sqlalchemy as sa

from ..bus.broker import Broker
from ..bus.journal import Journal, Unusable, integrity
from ..bus.journal.retention import Retention
from ..bus.metered import MeteredJournal
from ..metrics.store import STORE
from ..metrics.watch import watch
from ..settings import Settings
from .base import RESTARTED, CannotGoOn, CannotStart, hold_lock, until_terminated

_FIRST_LOOK = 1.0  #: seconds a start may take to look for damage; the rest is looked at in the background


async def main(settings: Settings) -> None:
    """Serve the bus until told to end.

    :raises CannotStart: where the journal cannot be used
    """
    hold_lock(settings, "bus")
    journal = _open(settings.database_url)
    try:
        broker = Broker(journal, settings.bus_socket)
        STORE.open(settings.metrics)
        retention = Retention(journal, settings.retention_days, settings.history)
        await until_terminated(
            broker.serve(), retention.run(), broker.look_for_the_first(), watch("Bus", broker.look)
        )
    finally:
        journal.close()


def _open(url: str) -> Journal:
    try:
        file = str(sa.engine.make_url(url).database)
        # A process that was killed has damaged nothing, and everybody is waiting for the next one.
        whole = RESTARTED in os.environ and not integrity.noted(file)
        whole = whole or integrity.require_whole(file, _FIRST_LOOK)
        journal = MeteredJournal(url)
    except Unusable as error:
        raise CannotGoOn(str(error)) from None
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotStart(f"the journal {_shown(url)} cannot be used: {reason}") from None
    if not whole:
        threading.Thread(target=_look_at_all, args=(journal,), daemon=True).start()
    return journal


def _look_at_all(journal: Journal) -> None:
    found = integrity.damage(journal.file)
    if found is not None:
        journal.found_damaged(found)


def _shown(url: str) -> str:
    """A database URL without its password; what is no URL may hold one anywhere."""
    try:
        return sa.engine.make_url(url).render_as_string(hide_password=True)
    except sa.exc.SQLAlchemyError:
        return "named by OET_DATABASE_URL"
