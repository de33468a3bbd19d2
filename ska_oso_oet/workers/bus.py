"""The bus process: the broker and the journal."""

from __future__ import annotations

import sqlalchemy as sa

from ..bus.broker import Broker
from ..bus.journal import Journal, Unusable
from ..settings import Settings
from .base import CannotStart, hold_lock, until_terminated


async def main(settings: Settings) -> None:
    """Serve the bus until told to end.

    :raises CannotStart: where the journal cannot be used
    """
    hold_lock(settings, "bus")
    try:
        journal = Journal(settings.database_url)
    except Unusable as error:
        raise CannotStart(str(error)) from None
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotStart(f"the journal {_shown(settings.database_url)} cannot be used: {reason}") from None
    try:
        await until_terminated(Broker(journal, settings.bus_socket).serve())
    finally:
        journal.close()


def _shown(url: str) -> str:
    """A database URL without its password; what is no URL may hold one anywhere."""
    try:
        return sa.engine.make_url(url).render_as_string(hide_password=True)
    except sa.exc.SQLAlchemyError:
        return "named by OET_DATABASE_URL"
