"""Settings of an observation that a block does not say, and the observatory knows."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from ..errors import BlockError
from .interfaces import Interfaces, interfaces

#: Scripts of the SDP whose kind is known.
_KINDS = {
    "vis-receive": "realtime",
    "pointing-offset": "realtime",
    "pss-receive": "realtime",
    "pst-receive": "realtime",
    "continuum-imaging": "batch",
    "spectral-line-imaging": "batch",
    "ical": "batch",
    "dpreb": "batch",
}
_MEMBERS = (
    "fsp_ids",
    "band_5_tuning",
    "link_map",
    "telescope_model",
    "sdp_configurations",
    "sdp_script_kinds",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The telescope that a block is observed with."""

    low: bool
    subarray_id: int
    interfaces: Interfaces
    observatory: dict[str, Any]

    @classmethod
    def of(cls, environ: Mapping[str, str] | None = None, observatory: Any = None) -> Surroundings:
        """Take the settings of the OET from the environment of a script.

        :param observatory: members that take the place of those in ``OET_OBSERVATORY``
        :raises BlockError: if one of the settings is wrong
        """
        environ = os.environ if environ is None else environ
        low = environ.get("SKA_TELESCOPE", "").lower().endswith("low")
        try:
            members = parsed_observatory(environ.get("OET_OBSERVATORY", ""))
            members |= checked_observatory({} if observatory is None else observatory)
            chosen = interfaces(low, environ.get("OET_TMC_INTERFACES", ""))
        except ValueError as error:
            raise BlockError(str(error)) from None
        subarray_id = int(environ.get("OET_SUBARRAY_ID", "1"))
        return cls(low=low, subarray_id=subarray_id, interfaces=chosen, observatory=members)

    def required(self, member: str, why: str) -> Any:
        """Return a member of the observatory.

        :param why: what needs it, with its path in the block
        :raises BlockError: if it is absent
        """
        if not (value := self.observatory.get(member)):
            raise BlockError(
                f"{why} needs {member} of the observatory; set it in OET_OBSERVATORY, or give the script "
                f"observatory={{'{member}': …}}"
            )
        return value

    def kind_of(self, script: str, why: str) -> str:
        """Return whether a script of the SDP is ``realtime`` or ``batch``."""
        kinds = _KINDS | self.observatory.get("sdp_script_kinds", {})
        if script not in kinds:
            shown = script[:80].encode("utf-8", "backslashreplace").decode()
            raise BlockError(
                f"{why} is not known to be realtime or batch; set it in OET_OBSERVATORY as "
                f'{{"sdp_script_kinds": {{"{shown}": "realtime"}}}}'
            )
        return str(kinds[script])


def parsed_observatory(text: str) -> dict[str, Any]:
    """Read the setting ``OET_OBSERVATORY``.

    :raises ValueError: with the correct form
    """
    try:
        return checked_observatory(json.loads(text) if text else {})
    except (json.JSONDecodeError, RecursionError):
        raise ValueError('OET_OBSERVATORY must be a JSON object, such as {"fsp_ids": [1, 2, 3, 4]}') from None


def checked_observatory(members: Any) -> dict[str, Any]:
    """Check the members of the observatory.

    :raises ValueError: naming the member that is wrong
    """
    if not isinstance(members, dict):
        raise ValueError('the observatory must be a JSON object, such as {"fsp_ids": [1, 2, 3, 4]}')
    for name, value in members.items():
        if name not in _MEMBERS:
            raise ValueError(f"the observatory has no member {name!r}; its members are {', '.join(_MEMBERS)}")
        if not _CHECKS[name](value):
            raise ValueError(f"{name} of the observatory must be {_FORMS[name]}, not {str(value)[:80]!r}")
    return members


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(member, (int, float)) and not isinstance(member, bool) for member in value
    )


def _processors(value: list[Any]) -> bool:
    return all(isinstance(number, int) and 1 <= number <= 27 for number in value) and len(value) == len(
        set(value)
    )


_MODEL = {"source_uris", "array_layout_path"}
_REAL = ("realtime", "batch")
_CHECKS = {
    "fsp_ids": lambda value: _numbers(value) and _processors(value),
    "band_5_tuning": lambda value: _numbers(value) and len(value) == 2,
    "link_map": lambda value: isinstance(value, list) and all(_numbers(pair) for pair in value),
    "telescope_model": lambda value: isinstance(value, dict) and set(value) == _MODEL,
    "sdp_configurations": lambda value: isinstance(value, list) and all(isinstance(p, dict) for p in value),
    "sdp_script_kinds": lambda value: isinstance(value, dict) and all(k in _REAL for k in value.values()),
}
_FORMS = {
    "fsp_ids": "a list of different whole numbers from 1 to 27",
    "band_5_tuning": "two numbers in GHz",
    "link_map": "a list of pairs of numbers",
    "telescope_model": "an object with source_uris and array_layout_path",
    "sdp_configurations": "a list of objects as in a block of PDM 25",
    "sdp_script_kinds": "an object of script names, each realtime or batch",
}
