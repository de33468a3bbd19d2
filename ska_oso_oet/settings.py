"""The settings of a server, read from the environment and the command line here and nowhere else."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from .addresses import Network, url_of
from .variables import VARIABLES


class BadSetting(Exception):  # noqa: N818  reads as a sentence on the command line
    """A setting that cannot be used; the message names the variable."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked. Times in seconds, sizes in bytes."""

    host: str
    host_names: tuple[str, ...]
    port: int
    auth: str
    auth_issuers: tuple[str, ...]
    auth_audiences: tuple[str, ...]
    auth_client_id: str
    auth_scopes: str
    auth_read: tuple[str, ...]
    auth_execute: tuple[str, ...]
    auth_subarray_claim: str
    trusted_proxies: tuple[Network, ...]
    namespace: str
    subarray_id: int
    state_dir: str
    database_url: str
    scripts_location: str
    script_paths: tuple[str, ...]
    abort_script: str
    abort_timeout: float
    abort_on: tuple[str, ...]
    stop_grace: float
    end_grace: float
    script_umask: int
    script_isolation: str
    script_account: str
    script_reads: tuple[str, ...]
    script_writes: tuple[str, ...]
    watchdog: float | None
    environment_timeout: float | None
    load_timeout: float | None
    init_timeout: float | None
    main_timeout: float | None
    memory_limit: int | None
    output_limit: int
    message_rate: float | None
    history: int
    retention_days: int
    warm_interpreters: int
    preload: tuple[str, ...]
    git_repo: str
    git_allowed: tuple[str, ...]
    git_timeout: float
    git_credentials: str
    pip_index_url: str
    pip_extra_index_urls: tuple[str, ...]
    pip_credentials: str
    shelf_days: int
    shelf_size: int
    tango_host: str
    telescope: str
    subarray_prefix: str
    central_node: str
    quality_monitor_prefix: str
    wait_for_qa_ready: bool
    oda_url: str
    oda_timeout: float
    web_workers: int
    web_threads: int
    otlp_endpoint: str
    audit_syslog: str
    audit_syslog_ca: str
    audit_otlp: str
    log_level: str
    log_format: str

    @property
    def bus_socket(self) -> str:
        """Where the broker listens."""
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
        """The SQLAlchemy URL of the central history; empty where there is none."""
        return "" if self.database_url.startswith("sqlite:") else self.database_url

    @property
    def drained(self) -> str:
        """The memo that says whether no new work is taken."""
        return os.path.join(self.state_dir, "drained.json")

    @property
    def metrics(self) -> str:
        """The folder of the numbers of all processes."""
        return os.path.join(self.state_dir, "metrics")

    @property
    def runs(self) -> str:
        """The folder of the run directories."""
        return os.path.join(self.state_dir, "runs")

    @property
    def activities(self) -> str:
        """The folder of what activities hand to their scripts."""
        return os.path.join(self.state_dir, "activities")

    @property
    def telescope_environment(self) -> dict[str, str]:
        """What tells a script which telescope it commands, as environment variables."""
        found = {
            VARIABLES[field].name: getattr(self, field)
            for field in (
                "tango_host",
                "telescope",
                "subarray_prefix",
                "central_node",
                "quality_monitor_prefix",
            )
        }
        return {name: value for name, value in found.items() if value}


PACKAGED_SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts")


def read_settings(environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> Settings:
    """Read the settings.

    :param options: values given on the command line, by field; they override the environment
    :raises BadSetting: naming the variable whose value cannot be used
    """
    values: dict[str, Any] = {}
    for field, variable in VARIABLES.items():
        given = (options or {}).get(field)
        text = environ.get(variable.name, variable.default) if given is None else str(given)
        try:
            values[field] = variable.read(text)
        except ValueError as error:
            shown = re.sub(r"://\S*@", "://***@", text)  # it may hold a password
            named = variable.name if variable.secret else f"{variable.name}={shown!r}"
            raise BadSetting(f"{named} cannot be used: {error}") from None
    if not values["state_dir"]:
        base = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        values["state_dir"] = os.path.join(base, "oet", f"subarray-{values['subarray_id']}")
    values["scripts_location"] = values["scripts_location"] or PACKAGED_SCRIPTS
    if not values["database_url"]:
        values["database_url"] = f"sqlite:///{os.path.join(values['state_dir'], 'journal.db')}"
    short = values["telescope"].removeprefix("SKA-")
    values["subarray_prefix"] = values["subarray_prefix"] or f"{short}-tmc/subarray"
    values["central_node"] = values["central_node"] or f"{short}-tmc/central-node/0"
    values["quality_monitor_prefix"] = values["quality_monitor_prefix"] or f"{short}-sdp/quality-monitor"
    values["oda_url"] = values["oda_url"] or url_of(os.path.join(values["state_dir"], "oda"))
    _complete_authentication(values, short)
    return Settings(**values)


def _complete_authentication(values: dict[str, Any], telescope: str) -> None:
    if values["auth"] == "off" and values["auth_issuers"]:
        raise BadSetting("OET_AUTH=off contradicts OET_AUTH_ISSUER; unset one of them")
    if values["auth_issuers"] and not values["auth_audiences"]:
        raise BadSetting("OET_AUTH_AUDIENCE must be set where OET_AUTH_ISSUER is")
    # The operators of one telescope are nobody at the other.
    everything = ("role:SW_ENGINEER", f"role:{telescope.upper()}_TELESCOPE_OPERATOR")
    values["auth_read"] = values["auth_read"] or ("scope:oet:read", *everything)
    values["auth_execute"] = values["auth_execute"] or ("scope:oet:execute", *everything)
