"""The central history: what happened on all subarrays, in one PostgreSQL database.

=================  ===================================================================================
``replicator.py``  copies the journal there; ``copying.py`` is its conversation with the database
``recovery.py``    fetches what a journal lacks
``centre.py``      answers questions about all subarrays
``store.py``       reads and writes the tables of ``schema.py``; ``database.py`` is the way to them
=================  ===================================================================================
"""

from __future__ import annotations

from ..journal.journal import Journal
from .centre import Centre
from .copying import Copying
from .database import engine_for
from .recovery import Recovery
from .replicator import Replicator
from .store import History

__all__ = ["Centre", "central_history"]


def central_history(
    url: str, journal: Journal, *, subarray: int, days: float, newest: int
) -> tuple[Replicator, Centre]:
    """The central history behind a database URL, for the journal of one subarray. Nothing is reached yet.

    :param days: for how long a journal that has to be fetched reaches back
    :param newest: how many procedures and activities it has at least
    :raises sqlalchemy.exc.ArgumentError: where that is no URL
    """
    writing = History(engine_for(url, subarray, pooled=False), subarray)
    replicator = Replicator(journal, Copying(journal, writing, subarray), Recovery(days, newest))
    return replicator, Centre(History(engine_for(url, subarray), subarray), replicator)
