"""The journal of the event bus."""

from .errors import Unusable
from .journal import Journal
from .query import Query

__all__ = ["Journal", "Query", "Unusable"]
