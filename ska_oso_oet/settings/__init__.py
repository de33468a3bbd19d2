"""The settings of a server; the only place that reads them from the environment and the command line."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from .archive import objection
from .urls import url_of
from .variables import VARIABLES, Declared


class BadSetting(Exception):  # noqa: N818  reads as a sentence on the command line
    """A setting that cannot be used; the message names the variable."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Declared):
    """All settings, validated, and the paths and URLs derived from them."""

    @property
    def bus_socket(self) -> str:
        """The path of the broker's socket."""
        return os.path.join(self.state_dir, "bus.sock")

    @property
    def journal_url(self) -> str:
        """The SQLAlchemy URL of the journal, which is always a file."""
        if self.central_url:
            return f"sqlite:///{os.path.join(self.state_dir, 'journal.db')}"
        return self.database_url

    @property
    def journal_file(self) -> str:
        """The file of the journal."""
        return self.journal_url.removeprefix("sqlite:///").partition("?")[0]

    @property
    def central_url(self) -> str:
        """The SQLAlchemy URL of the central history; empty if there is none."""
        return "" if self.database_url.startswith("sqlite:") else self.database_url

    @property
    def public_database_url(self) -> str:
        """The URL for workers that do not use the central history: without its address and password."""
        return "postgresql+psycopg://" if self.central_url else self.database_url

    @property
    def stop_limit(self) -> float:
        """Seconds after which a script that is stopped is killed at the latest."""
        return self.stop_grace + self.critical_limit

    @property
    def drained(self) -> str:
        """The file with the state of the drain."""
        return os.path.join(self.state_dir, "drained.json")

    @property
    def metrics(self) -> str:
        """The folder of the metrics of all processes."""
        return os.path.join(self.state_dir, "metrics")

    @property
    def runs(self) -> str:
        """The folder of the run directories."""
        return os.path.join(self.state_dir, "runs")

    @property
    def checks(self) -> str:
        """The folder of the run directories of checks, each of which is removed after its check."""
        return os.path.join(self.state_dir, "checks")

    @property
    def kept_here(self) -> str:
        """The folder of what belongs to the archive, but has no place there; also the default archive."""
        return os.path.join(self.state_dir, "oda")

    @property
    def activities(self) -> str:
        """The folder of the files that activities pass to their scripts."""
        return os.path.join(self.state_dir, "activities")

    def place_of_script(self, path: str) -> str:
        """The path of a script; a relative one is of the scripts' location, or else a packaged one."""
        own = os.path.join(self.scripts_location, path)
        packaged = os.path.join(PACKAGED_SCRIPTS, path)
        return packaged if os.path.isfile(packaged) and not os.path.lexists(own) else own

    @property
    def telescope_environment(self) -> dict[str, str]:
        """The environment variables that name the telescope for scripts."""
        values = {
            VARIABLES[field].name: getattr(self, field)
            for field in (
                "tango_host",
                "telescope",
                "subarray_prefix",
                "central_node",
                "quality_monitor_prefix",
                "quality_attribute",
                "tmc_interfaces",
                "observatory",
            )
        }
        return {name: value for name, value in values.items() if value}


_ARBITER = "OET_ARBITER"  #: set in the environment of every worker that a server has started
PACKAGED_SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts")


def read_settings(environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> Settings:
    """Read the settings.

    :param options: values given on the command line, by field; they override the environment
    :raises BadSetting: naming the variable whose value cannot be used
    """
    values: dict[str, Any] = {}
    for field, variable in VARIABLES.items():
        option = (options or {}).get(field)
        text = environ.get(variable.name, variable.default) if option is None else str(option)
        try:
            values[field] = variable.read(text)
        except ValueError as error:
            shown = re.sub(r"://\S*@", "://***@", text)  # it may hold a password
            shown = re.sub(r"(?i)(password=)[^&\s]*", r"\1***", shown)
            source = variable.name if variable.secret else f"{variable.name}={shown!r}"
            raise BadSetting(f"{source} cannot be used: {error}") from None
    if not values["state_dir"]:
        base = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        values["state_dir"] = os.path.join(base, "oet", f"subarray-{values['subarray_id']}")
    values["scripts_location"] = values["scripts_location"] or PACKAGED_SCRIPTS
    if not values["database_url"]:
        values["database_url"] = f"sqlite:///{os.path.join(values['state_dir'], 'journal.db')}"
    short = values["telescope"].removeprefix("SKA-")
    values["subarray_prefix"] = values["subarray_prefix"] or f"{short}-tmc/subarray"
    values["central_node"] = values["central_node"] or f"{short}-tmc/central-node/0"
    values["oda_url"] = values["oda_url"] or url_of(os.path.join(values["state_dir"], "oda"))
    # A server's worker is not told the archive's URL unless it needs it, and the server has checked all this.
    if _ARBITER not in environ and (why := objection(values)) is not None:
        raise BadSetting(why)
    _complete_authentication(values, short)
    return Settings(**values)


def _complete_authentication(values: dict[str, Any], telescope: str) -> None:
    if values["auth"] == "off" and values["auth_issuers"]:
        raise BadSetting("OET_AUTH=off contradicts OET_AUTH_ISSUER; unset one of them")
    if values["auth_issuers"] and not values["auth_audiences"]:
        raise BadSetting("OET_AUTH_AUDIENCE must be set if OET_AUTH_ISSUER is")
    # The operators of one telescope have no permission at the other one.
    roles = ("role:SW_ENGINEER", f"role:{telescope.upper()}_TELESCOPE_OPERATOR")
    values["auth_read"] = values["auth_read"] or ("scope:oet:read", *roles)
    values["auth_execute"] = values["auth_execute"] or ("scope:oet:execute", *roles)
