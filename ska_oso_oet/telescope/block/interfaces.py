"""The interfaces of telescope monitoring and control (TMC): one table from version to shapes of commands.

A version is ``<AssignResources>/<Configure>``, by the numbers at the end of the two interfaces.
"""

from __future__ import annotations

import dataclasses

_ROOT = "https://schema.skao.int/"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interfaces:
    """The interfaces of one version of TMC."""

    version: str
    low: bool
    assign: str
    release: str
    configure: str
    scan: str
    csp: str
    sdp_assign: str
    sdp_configure: str
    fields_by_attributes: bool  #: directions in SDP as ``attrs``, since 1.0; before, ``ra`` and ``dec``
    telescope_model: bool  #: whether AssignResources names the telescope model
    mccs: str = ""

    def url(self, name: str) -> str:
        """Return the address of an interface."""
        return _ROOT + str(getattr(self, name))


_TABLE = (
    Interfaces(
        version="2.4/6.1",
        low=False,
        assign="ska-tmc-assignresources/2.4",
        release="ska-tmc-releaseresources/2.1",
        configure="ska-tmc-configure/6.1",
        scan="ska-tmc-scan/2.1",
        csp="ska-csp-configurescan/8.1",
        sdp_assign="ska-sdp-assignres/1.0",
        sdp_configure="ska-sdp-configure/1.0",
        fields_by_attributes=True,
        telescope_model=True,
    ),
    Interfaces(
        version="2.1/4.1",
        low=False,
        assign="ska-tmc-assignresources/2.1",
        release="ska-tmc-releaseresources/2.1",
        configure="ska-tmc-configure/4.1",
        scan="ska-tmc-scan/2.1",
        csp="ska-csp-configurescan/4.0",
        sdp_assign="ska-sdp-assignres/0.4",
        sdp_configure="ska-sdp-configure/0.4",
        fields_by_attributes=False,
        telescope_model=False,
    ),
    Interfaces(
        version="4.1/6.1",
        low=True,
        assign="ska-low-tmc-assignresources/4.1",
        release="ska-low-tmc-releaseresources/3.0",
        configure="ska-low-tmc-configure/6.1",
        scan="ska-low-tmc-scan/4.0",
        csp="ska-low-csp-configure/7.3",
        sdp_assign="ska-sdp-assignres/1.0",
        sdp_configure="ska-sdp-configure/1.1",
        fields_by_attributes=True,
        telescope_model=False,
        mccs="ska-low-mccs-controller-allocate/3.0",
    ),
    Interfaces(
        version="4.0/4.0",
        low=True,
        assign="ska-low-tmc-assignresources/4.0",
        release="ska-low-tmc-releaseresources/3.0",
        configure="ska-low-tmc-configure/4.0",
        scan="ska-low-tmc-scan/4.0",
        csp="ska-low-csp-configure/3.2",
        sdp_assign="ska-sdp-assignres/0.4",
        sdp_configure="ska-sdp-configure/0.4",
        fields_by_attributes=False,
        telescope_model=False,
        mccs="ska-low-mccs-controller-allocate/3.0",
    ),
)

VERSIONS = {low: [row.version for row in _TABLE if row.low is low] for low in (False, True)}


def interfaces(low: bool, version: str = "") -> Interfaces:
    """Return the interfaces of a version of TMC.

    :param version: empty for the newest
    :raises ValueError: naming the versions there are
    """
    rows = [row for row in _TABLE if row.low is low]
    for row in rows:
        if version in ("", row.version):
            return row
    telescope = "SKA-low" if low else "SKA-mid"
    raise ValueError(
        f"OET_TMC_INTERFACES must be one of {', '.join(VERSIONS[low])} for {telescope}, not {version!r}"
    )
