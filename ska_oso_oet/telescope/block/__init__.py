"""A scheduling block as the commands its observation consists of, for SKA-mid and SKA-low.

Blocks are those of the SKA project data model (PDM), interface ``ska-oso-pdm-sbd/0.1``, generations 17 to 28,
and older ones as far as they use the same keys. A block is read in full when it is opened: what is missing,
wrong or not understood shows while nothing has been commanded yet.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import BlockError
from .generations import require_readable
from .ids import unique_id
from .low import Low
from .mid import Mid
from .reading import Reader
from .scans import Scan, scan_id
from .surroundings import Surroundings

__all__ = ["Block", "BlockError", "Scan", "Surroundings"]

_HARMLESS = (
    "interface", "sbd_id", "name", "description", "ob_ref", "validate_against", "metadata", "activities",
    "status", "observing_constraints", "targets", "csp_configurations", "sdp_configurations",
    "sdp_configuration", "scan_definitions", "scan_sequence", "dish_configurations",
)  # fmt: skip
_TELESCOPES = ("ska_mid", "ska_low")


class Block:
    """The observation that a scheduling block asks for, in one run: it has an execution block of its own.

    :param document: the scheduling block definition
    :param surroundings: the telescope, by default that of the environment
    :param sbi_id: the instance of the block that this run is
    :param name: the id of the block, if its text has none
    :raises BlockError: if it cannot be observed as it says
    """

    def __init__(
        self,
        document: dict[str, Any],
        surroundings: Surroundings | None = None,
        *,
        sbi_id: str = "",
        name: str = "",
    ) -> None:
        self.surroundings = Surroundings.of() if surroundings is None else surroundings
        self.id = _shown(document.get("sbd_id") or name or "without id")
        self.eb_id = unique_id("eb", self.surroundings.subarray_id)
        self.constraints = bool(document.get("observing_constraints"))
        block = Reader(document, "", f"scheduling block {self.id}")
        require_readable(block)
        telescope = block.text("telescope")
        if telescope not in _TELESCOPES:
            block.refuse(f"must be ska_mid or ska_low, not {telescope[:40]!r}", "telescope")
        self.low = telescope == "ska_low"
        if self.low is not self.surroundings.low:
            here = "SKA-low" if self.surroundings.low else "SKA-mid"
            block.refuse(f"is for {telescope}, and this OET observes with {here}; run it there")
        other = "dish_allocations" if self.low else "mccs_allocation"
        if block.raw(other):
            block.refuse(f"has {other}, which is of the other telescope")
        try:
            read = (Low if self.low else Mid)(block, self.surroundings, sbi_id, self.eb_id)
        except BlockError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            block.refuse(f"has a value that cannot be understood: {type(error).__name__}")
        block.harmless(*_HARMLESS)
        block.close()
        self._read = read
        self.adjusted = block.adjusted  #: sentences about values that the telescope can only come near to
        self.scans: list[Scan] = read.scans

    @classmethod
    def read(cls, path: str, *, sbi_id: str = "", observatory: Any = None) -> Block:
        """Read a scheduling block from a file.

        :param observatory: members that take the place of those in ``OET_OBSERVATORY``
        :raises BlockError: if it is none, or cannot be observed as it says
        """
        surroundings = Surroundings.of(observatory=observatory)
        try:
            with open(path, encoding="utf-8") as file:
                document = json.load(file, parse_constant=_no_number)
        except OSError as error:
            raise BlockError(
                f"{path} cannot be read: {error.strerror}; give sb_json a file there is"
            ) from None
        except (ValueError, RecursionError) as error:
            raise BlockError(f"{path} is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise BlockError(f"{path} is not a JSON object, as a scheduling block is")
        return cls(document, surroundings, sbi_id=sbi_id, name=f"in {path}")

    # -- the arguments of the commands -------------------------------------------------------------------

    def assign(self, subarray_id: int) -> dict[str, Any]:
        """The argument of AssignResources."""
        return {**self._request("assign"), "subarray_id": subarray_id, **self._read.assign()}

    def release(self, subarray_id: int) -> dict[str, Any]:
        """The argument of ReleaseResources, for everything."""
        return {**self._request("release"), "subarray_id": subarray_id, "release_all": True}

    def configure(self, scan: Scan) -> dict[str, Any]:
        """The argument of Configure for one scan."""
        return scan.configuration

    def new_scan_id(self) -> int:
        """A number for a scan that begins, which no other scan of any subarray has."""
        return scan_id(self.surroundings)

    def scan(self, number: int, subarray_id: int) -> dict[str, Any]:
        """The argument of Scan.

        :param number: from ``new_scan_id``
        """
        request = {**self._request("scan"), "scan_id": number}
        return {**request, "subarray_id": subarray_id} if self.low else request

    def _request(self, command: str) -> dict[str, Any]:
        return {"interface": self.surroundings.interfaces.url(command)}


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _shown(identifier: Any) -> str:
    """An id as sentences and messages may have it."""
    return str(identifier)[:200].encode("utf-8", "backslashreplace").decode()
