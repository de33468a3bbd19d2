"""Questions about activities: those in memory, and older ones from the journal."""

from __future__ import annotations

from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
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

    async def tell_list(self, request: Envelope) -> None:
        """Answer with the listed activities, some by id, or a page of all there ever were (``query``).

        :raises NotFound: if there is none with an id that was asked for
        """
        query = request.payload.get("query")
        wanted = None if query is None else Listing.from_dict(query)
        result = await self._chosen(request.payload["aids"], wanted)
        about = {"request_id": request.request_id}
        self._bus.send([self._bus.envelope(topics.ACTIVITY_LIST, {"result": result}, **about)])

    async def _chosen(self, aids: list[int] | None, page: Listing | None) -> list[dict[str, Any]]:
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
