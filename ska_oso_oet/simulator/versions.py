"""The version of TMC that a telescope simulates: interfaces, and how its devices answer."""

from __future__ import annotations

import threading
from typing import Any

from pydantic import BaseModel

from . import arguments
from .arguments import BadArgument
from .names import Telescope
from .schemas.common import Release, ScanArgument, validated
from .schemas.low import LowAssign, LowConfigure
from .schemas.mid import MidAssign, MidConfigure, MidPartialConfigure

ANY = "any"  #: interfaces: whatever a command cannot do without is enough
BASES = ("1.4", "1.0", "0.20")  #: versions of the base classes of the telescope's devices

#: Interfaces by telescope and version: of the four commands, and of the parts of the first two.
_INTERFACES: dict[tuple[Telescope, str], dict[str, str]] = {
    ("mid", "2.4/6.1"): {
        "AssignResources": "ska-tmc-assignresources/2.4",
        "AssignResources.sdp": "ska-sdp-assignres/1.0",
        "Configure": "ska-tmc-configure/6.1",
        "Configure.csp": "ska-csp-configurescan/8.1",
        "Configure.sdp": "ska-sdp-configure/1.0",
        "Scan": "ska-tmc-scan/2.1",
        "ReleaseResources": "ska-tmc-releaseresources/2.1",
    },
    ("mid", "2.1/4.1"): {
        "AssignResources": "ska-tmc-assignresources/2.1",
        "AssignResources.sdp": "ska-sdp-assignres/0.4",
        "Configure": "ska-tmc-configure/4.1",
        "Configure.csp": "ska-csp-configurescan/4.0",
        "Configure.sdp": "ska-sdp-configure/0.4",
        "Scan": "ska-tmc-scan/2.1",
        "ReleaseResources": "ska-tmc-releaseresources/2.1",
    },
    ("low", "4.1/6.1"): {
        "AssignResources": "ska-low-tmc-assignresources/4.1",
        "AssignResources.mccs": "ska-low-mccs-controller-allocate/3.0",
        "AssignResources.sdp": "ska-sdp-assignres/1.0",
        "Configure": "ska-low-tmc-configure/6.1",
        "Configure.csp": "ska-low-csp-configure/7.3",
        "Configure.sdp": "ska-sdp-configure/1.1",
        "Scan": "ska-low-tmc-scan/4.0",
        "ReleaseResources": "ska-low-tmc-releaseresources/3.0",
    },
    ("low", "4.0/4.0"): {
        "AssignResources": "ska-low-tmc-assignresources/4.0",
        "AssignResources.mccs": "ska-low-mccs-controller-allocate/3.0",
        "AssignResources.sdp": "ska-sdp-assignres/0.4",
        "Configure": "ska-low-tmc-configure/4.0",
        "Configure.csp": "ska-low-csp-configure/3.2",
        "Configure.sdp": "ska-sdp-configure/0.4",
        "Scan": "ska-low-tmc-scan/4.0",
        "ReleaseResources": "ska-low-tmc-releaseresources/3.0",
    },
}
_MODELS: dict[tuple[Telescope, str], type[BaseModel]] = {
    ("mid", "AssignResources"): MidAssign,
    ("mid", "Configure"): MidConfigure,
    ("low", "AssignResources"): LowAssign,
    ("low", "Configure"): LowConfigure,
}
VERSIONS: dict[Telescope, list[str]] = {
    telescope: [version for name, version in _INTERFACES if name == telescope] for telescope in ("mid", "low")
}


class Version:
    """One version of TMC, and the identifiers that its telescope has seen.

    :param interfaces: ``<AssignResources>/<Configure>``, or ``any``; empty for the newest
    :param base: of the base classes: since 1.0 a command in the wrong state is queued and then refused, since
        1.4 devices tell of their commands in ``lrc`` attributes
    :raises ValueError: if the telescope has no such interfaces
    """

    def __init__(self, telescope: Telescope, interfaces: str = "", base: str = BASES[0]) -> None:
        self.telescope = telescope
        self.interfaces = interfaces or VERSIONS[telescope][0]
        if self.interfaces not in (ANY, *VERSIONS[telescope]):
            raise ValueError(
                f"{telescope} has the interfaces {', '.join(VERSIONS[telescope])} or {ANY}, not {interfaces}"
            )
        self.queues_refusals = base != "0.20"
        self.tells_by_lrc = base == "1.4"
        self._lock = threading.Lock()
        self._seen: set[Any] = set()

    @property
    def strict(self) -> bool:
        """Whether arguments must hold everything."""
        return self.interfaces != ANY

    def check(self, command: str, argument: Any) -> None:
        """Check the decoded argument of a subarray's command.

        :raises BadArgument: naming the fault
        """
        if not self.strict:
            arguments.check(self.telescope, command, argument)
        elif command in ("AssignResources", "Configure", "Scan", "ReleaseResources") and argument is not None:
            members = arguments.an_object(command, argument)
            validated(self._model(command, members), command, members)
            self._require_interfaces(command, members)
            if command == "AssignResources" and self.interfaces == "2.4/6.1" and "telmodel" not in members:
                raise BadArgument("AssignResources: telmodel: Field required")

    def _model(self, command: str, members: dict[str, Any]) -> type[BaseModel]:
        tmc = members.get("tmc")
        partial = isinstance(tmc, dict) and tmc.get("partial_configuration") is True
        if command == "Configure" and self.telescope == "mid" and partial:
            return MidPartialConfigure
        return _MODELS.get((self.telescope, command)) or (
            Release if command == "ReleaseResources" else ScanArgument
        )

    def _require_interfaces(self, command: str, members: dict[str, Any]) -> None:
        for place, interface in _INTERFACES[self.telescope, self.interfaces].items():
            name, _, part = place.partition(".")
            within = members.get(part) if part else members
            if name != command or within is None:
                continue
            wanted = f"https://schema.skao.int/{interface}"
            if within.get("interface") != wanted:
                raise BadArgument(
                    f"{command}: {f'{part}.' if part else ''}interface must be {wanted}, "
                    f"not {str(within.get('interface'))[:100]}"
                )

    def use(self, command: str, argument: Any) -> None:
        """Note the identifiers in an argument that was accepted.

        :raises BadArgument: if one was used before
        """
        if not self.strict:
            return
        used: list[Any] = []
        if command == "AssignResources":
            block = argument["sdp"]["execution_block"]["eb_id"]
            used = [block, *(part["pb_id"] for part in argument["sdp"]["processing_blocks"])]
        elif command == "Scan":
            used = [argument["scan_id"]]
        with self._lock:
            for identifier in used:
                if identifier in self._seen:
                    raise BadArgument(f"{command}: {identifier} already exists; identifiers are used once")
            self._seen.update(used)
