"""All settings, declared in the modules of their themes, with their environment variables."""

from __future__ import annotations

import dataclasses

from .archive import ArchiveSettings
from .declaration import Variable
from .environments import EnvironmentsSettings
from .rest import RestSettings
from .scripts import ScriptsSettings
from .server import ServerSettings
from .telescope import TelescopeSettings


# Fields of the last base come first.
@dataclasses.dataclass(frozen=True, kw_only=True)
class Declared(
    TelescopeSettings, EnvironmentsSettings, ScriptsSettings, ArchiveSettings, ServerSettings, RestSettings
):
    """The fields of all settings. Times in seconds, sizes in bytes."""


#: The environment variables by the fields they set.
VARIABLES: dict[str, Variable] = {
    field.name: field.metadata["variable"] for field in dataclasses.fields(Declared)
}
