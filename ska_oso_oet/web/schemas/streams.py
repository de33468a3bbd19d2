"""The shapes of event streams, in the REST contract."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    Field,
    ValidationInfo,
    field_validator,
)

from .common import MAX_ID

_MOST_PREFIXES = 50  #: topic prefixes of one stream


class StreamQuery(BaseModel):
    """A query for events."""

    topics: str = Field("", description="comma list of topic prefixes to send")
    exclude: str = Field("", description="comma list of topic prefixes to exclude")
    procedure: int | None = Field(None, ge=0, le=MAX_ID, description="only events of this procedure")
    activity: int | None = Field(
        None, ge=0, le=MAX_ID, description="only events of this activity and its procedure"
    )
    all_subarrays: bool = Field(False, description="events of all subarrays, from the central history")
    last_event_id: int | None = Field(
        None,
        ge=0,
        le=2**62,
        description="replay all events after this id; the header Last-Event-ID takes precedence",
    )

    @field_validator("topics", "exclude")
    @classmethod
    def _few(cls, given: str) -> str:
        # Each message is compared with all of them, for each listener.
        if given.count(",") >= _MOST_PREFIXES:
            raise ValueError(f"at most {_MOST_PREFIXES} prefixes may be given")
        return given

    @field_validator("all_subarrays")
    @classmethod
    def _of_no_single_subarray(cls, given: bool, info: ValidationInfo) -> bool:
        if given and (info.data.get("procedure") is not None or info.data.get("activity") is not None):
            raise ValueError("`procedure` and `activity` are ids of one subarray; leave them out")
        return given


class Event(BaseModel):
    """A server-sent event of a `text/event-stream`."""

    event: Annotated[str, Field(description="the topic")]
    data: Annotated[str, Field(description="a JSON object: the fields of the message, its sender and time")]
    id: Annotated[str, Field(description="id of the event, for `Last-Event-ID`")] = ""
