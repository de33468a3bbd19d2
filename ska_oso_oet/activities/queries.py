"""Questions about activities: those in memory, and older ones from the journal."""

from __future__ import annotations

from typing import Any

from ..bus.client import BusClient
from ..domain.activity import whole
from ..domain.errors import NotFound, Unavailable
from ..domain.listing import Listing
from .pool import ActivityPool


class ActivityQueries:
    """Reads documents of activities.

    :param activities: those in memory
    """

    def __init__(self, bus: BusClient, activities: ActivityPool) -> None:
        self._bus = bus
        self._activities = activities

    async def chosen(self, aids: list[int] | None, page: Listing | None) -> list[dict[str, Any]]:
        """The documents of these activities, of all in the list, or of a page of all there ever were.

        :raises NotFound: if one of them does not exist
        :raises Unavailable: if the journal cannot be read
        """
        if page is not None:
            documents = await self._read(**page.question)
            return [self._current(document) for document in reversed(documents)]
        if aids is None:
            return [activity.to_dict() for activity in self._activities.newest()]
        return [await self.document(aid) for aid in aids]

    def _current(self, document: dict[str, Any]) -> dict[str, Any]:
        activity = self._activities.get(document["id"])
        return whole(document) if activity is None else activity.to_dict()

    async def document(self, aid: int) -> dict[str, Any]:
        """The document of one activity.

        :raises NotFound: if it does not exist
        :raises Unavailable: if the journal cannot be read
        """
        activity = self._activities.get(aid)
        if activity is not None:
            return activity.to_dict()
        documents = await self._read(ids=[aid])
        if not documents:
            raise NotFound.activity(aid)
        return whole(documents[0])

    async def _read(self, **query: Any) -> list[dict[str, Any]]:
        try:
            return await self._bus.lookup.documents(kind="activity", **query)
        except ConnectionError:
            raise Unavailable("the journal cannot be read at the moment; try again shortly") from None
