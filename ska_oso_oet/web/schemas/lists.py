"""The queries for lists of procedures and activities, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, WithJsonSchema, field_validator

from ...domain.listing import Listing
from . import activities, common

_PATTERN = {"type": "string", "minLength": 1, "maxLength": 500, "pattern": "^[^\\u0000]*$"}
_SECONDS = "seconds since 1970, such as 1795324531.68"


class _ListQuery(BaseModel):
    all: bool = Field(False, description="all stored ones, not only the newest")
    limit: int | None = Field(
        None, ge=1, le=500, description="maximum number of the newest; for all stored ones 50 by default"
    )
    before: int | None = Field(None, ge=0, le=common.MAX_ID, description="only ids below this one")
    state: list[Any] | None = None
    script: Annotated[str, WithJsonSchema(_PATTERN)] | None = Field(
        None,
        description="only scripts whose URI contains this; `*` stands for any letters, `?` for one, "
        "case does not matter",
    )
    since: float | None = Field(
        None, ge=0, le=1e12, description=f"only those created at this time or later, {_SECONDS}"
    )

    @field_validator("script")
    @classmethod
    def _possible(cls, script: str | None) -> str | None:
        if script is not None and ("\0" in script or not 1 <= len(script) <= 500):
            raise ValueError("must have between 1 and 500 letters")
        return script

    @field_validator("since", mode="before")
    @classmethod
    def _a_time(cls, given: Any) -> Any:
        try:
            return given if given is None else float(given)
        except ValueError:
            raise ValueError(f"must be a time in {_SECONDS}") from None

    @property
    def listing(self) -> Listing:
        """The parameters that were given."""
        given = self.model_dump(exclude={"all_subarrays", "state"})
        return Listing(states=None if self.state is None else tuple(self.state), **given)


def _known_states(given: Any, known: tuple[str, ...]) -> Any:
    """Several states, in repeated parameters or separated by commas."""
    if given is None:
        return None
    words = [word for text in given for word in str(text).split(",")]
    for word in words:
        if word not in known:
            raise ValueError(f"there is no state {word!r}; known are {', '.join(known)}")
    return words


_STATES = "only those in one of these states; may be repeated, or a comma list"


class ProceduresQuery(_ListQuery):
    """A query for procedures."""

    state: list[common.State] | None = Field(None, description=_STATES)
    all_subarrays: bool = Field(
        False,
        description="all procedures of all subarrays, from the central history; `before` is then "
        "a position, not an id",
    )

    @field_validator("state", mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        return _known_states(given, get_args(common.State))


class ActivitiesQuery(_ListQuery):
    """A query for activities."""

    state: list[activities.State] | None = Field(None, description=_STATES)

    @field_validator("state", mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        return _known_states(given, get_args(activities.State))
