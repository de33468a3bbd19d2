"""The journal of the event bus.

==================  ==================================================================================
``journal.py``      the journal: ``reader.py`` reads it, ``projection.py`` derives its other tables
``schema.py``       the tables; ``migration.py`` and ``migrations/`` upgrade those of earlier releases
``file_damage.py``  detection of damage to the file; ``backup.py``: backup and restore
==================  ==================================================================================
"""

from .errors import Unusable
from .journal import Journal
from .query import Query

__all__ = ["Journal", "Query", "Unusable"]
