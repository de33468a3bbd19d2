"""The journal of the event bus.

=================  ===================================================================================
``journal.py``     what the broker writes to, built on ``reading.py`` and ``projection.py``
``schema.py``      the tables; ``migration.py`` and ``migrations/`` bring those of earlier releases up to date
``integrity.py``   whether the file is whole; ``copies.py`` makes copies of it
=================  ===================================================================================
"""

from .errors import Unusable
from .journal import Journal
from .query import Query

__all__ = ["Journal", "Query", "Unusable"]
