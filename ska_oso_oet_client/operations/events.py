"""Operations on what happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..happenings import Event
from ..stream import EventStream
from .connection import Connection, Notify, comma_list, log


class EventOperations(Connection):
    """Listen to the event bus."""

    def events(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        all_subarrays: bool = False,
        from_id: str | None = None,
        notify: Notify = log.warning,
    ) -> Iterator[Event]:
        """Everything that happens from now on, or after event ``from_id``. Never ends by itself.

        With ``all_subarrays`` each event has a field ``subarray``, and ids are those of the
        central history.
        """
        for message in self.event_stream(
            topics=topics,
            exclude=exclude,
            all_subarrays=all_subarrays,
            from_id=from_id,
            notify=notify,
        ):
            if message.name is not None:
                yield Event.from_message(message.name, message.data, message.id)

    def event_stream(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        all_subarrays: bool = False,
        from_id: str | None = None,
        patience: float | None = None,
        notify: Notify = log.warning,
    ) -> EventStream:
        """The stream below ``events``, for those who need its bytes or its moment of opening."""
        params = {"topics": comma_list(topics), "exclude": comma_list(exclude)}
        if all_subarrays:
            params["all_subarrays"] = "true"
        return EventStream(
            self._transport, params=params, last_id=from_id, patience=patience, notify=notify
        )
