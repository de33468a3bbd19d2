"""The settings: every one an environment variable, read here and nowhere else."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from . import readers
from .addresses import url_of

MOST_SUBARRAYS = 16


class BadSetting(Exception):  # noqa: N818  reads as a sentence on the command line
    """A setting that cannot be used; the message names the variable."""


@dataclasses.dataclass(frozen=True)
class Variable:
    """One setting: its variable, the text of its default, how it is read, and what it means."""

    name: str
    default: str
    meaning: str
    read: Callable[[str], Any] = str
    secret: bool = False  #: whether its value is never to be shown


VARIABLES: dict[str, Variable] = {
    "host": Variable("OET_HOST", "127.0.0.1", "address REST listens on"),
    "port": Variable(
        "OET_PORT", "5000", "port REST listens on; 0 picks one and prints it", readers.whole(0, 65535)
    ),
    "auth": Variable(
        "OET_AUTH",
        "",
        "`off` serves everybody who can reach `OET_HOST`; without it and without an issuer only loopback "
        "addresses are allowed",
        readers.choice("", "off"),
    ),
    "auth_issuers": Variable(
        "OET_AUTH_ISSUER",
        "",
        "OpenID providers (comma list of issuer URLs, exactly as their tokens name them) whose tokens are "
        "accepted; with none nobody is asked who they are",
        readers.issuers,
    ),
    "auth_audiences": Variable(
        "OET_AUTH_AUDIENCE",
        "",
        "audiences (comma list) of which a token must name one; needed with `OET_AUTH_ISSUER`",
        readers.words,
    ),
    "auth_client_id": Variable("OET_AUTH_CLIENT_ID", "", "client that `oet login` and the page log in as"),
    "auth_scopes": Variable(
        "OET_AUTH_SCOPES",
        "openid profile offline_access oet:read oet:execute",
        "scopes (separated by spaces) that `oet login` and the page ask for",
    ),
    "auth_read": Variable(
        "OET_AUTH_READ",
        "",
        "what (comma list of `scope:NAME` and `role:NAME`) permits to read; by default `scope:oet:read`, "
        "`role:SW_ENGINEER` and the telescope's own operators: `role:MID_TELESCOPE_OPERATOR` or "
        "`role:LOW_TELESCOPE_OPERATOR`",
        readers.grants,
    ),
    "auth_execute": Variable(
        "OET_AUTH_EXECUTE",
        "",
        "what permits to execute, and to read; by default `scope:oet:execute` and the same roles",
        readers.grants,
    ),
    "auth_subarray_claim": Variable(
        "OET_AUTH_SUBARRAY_CLAIM",
        "",
        "claim that lists the subarrays a user may use (numbers, or `*`); with it a token whose claim does "
        "not list this one is refused",
    ),
    "namespace": Variable("KUBE_NAMESPACE", "ska-oso-oet", "first element of the base path", readers.segment),
    "subarray_id": Variable(
        "OET_SUBARRAY_ID", "1", "the subarray this instance drives", readers.whole(1, MOST_SUBARRAYS)
    ),
    "state_dir": Variable(
        "OET_STATE_DIR",
        "",
        "journal, run directories and sockets; by default `$XDG_STATE_HOME/oet/subarray-<id>` or "
        "`~/.local/state/oet/subarray-<id>`",
        readers.path,
    ),
    "database_url": Variable(
        "OET_DATABASE_URL",
        "",
        "`postgresql+psycopg://user:password@host/database` of the central history of all subarrays, to "
        "which the journal in the state directory is copied; or `sqlite:///path` of a journal elsewhere",
        readers.database,
        secret=True,
    ),
    "scripts_location": Variable(
        "SCRIPTS_LOCATION",
        "",
        "relative `file://` URIs are resolved here, and the abort script is looked up here first; by "
        "default the packaged example scripts",
        readers.path,
    ),
    "script_paths": Variable(
        "OET_SCRIPT_PATHS", "/", "folders (colon list) that `file://` scripts may come from", readers.folders
    ),
    "abort_script": Variable("OET_ABORT_SCRIPT", "abort.py", "what runs after a stop with abort"),
    "abort_timeout": Variable("OET_ABORT_TIMEOUT", "60 s", "time limit of the abort script", readers.seconds),
    "abort_on": Variable(
        "OET_ABORT_ON",
        "stop",
        f"when the abort script may run: any of `{','.join(readers.ABORT_REASONS)}`",
        readers.abort_on,
    ),
    "stop_grace": Variable("OET_STOP_GRACE", "5 s", "time between SIGTERM and SIGKILL", readers.seconds),
    "watchdog": Variable(
        "OET_WATCHDOG",
        "30 s",
        "time without a sign of life after which a worker that hangs is killed and started again, or `none`",
        readers.patience,
    ),
    "environment_timeout": Variable(
        "OET_ENVIRONMENT_TIMEOUT",
        "600 s",
        "time limit for fetching a script from git and making its environment",
        readers.limit,
    ),
    "load_timeout": Variable("OET_LOAD_TIMEOUT", "60 s", "time limit for importing a script", readers.limit),
    "init_timeout": Variable("OET_INIT_TIMEOUT", "600 s", "time limit for `init`", readers.limit),
    "main_timeout": Variable("OET_MAIN_TIMEOUT", "none", "time limit for `main`", readers.limit),
    "memory_limit": Variable(
        "OET_MEMORY_LIMIT", "none", "memory each process of a script may have of its own", readers.memory
    ),
    "output_limit": Variable("OET_OUTPUT_LIMIT", "64 MiB", "captured output kept per run", readers.size),
    "history": Variable("OET_HISTORY", "10", "how many procedures are listed", readers.whole(1, 1000)),
    "retention_days": Variable(
        "OET_RETENTION_DAYS",
        "365",
        "days after which what is in the journal, and the folders of runs and activities, are removed; never "
        "what lives or is listed",
        readers.whole(1, 36500),
    ),
    "warm_interpreters": Variable(
        "OET_WARM_INTERPRETERS", "1", "how many interpreters wait for the next create", readers.whole(0, 16)
    ),
    "preload": Variable("OET_PRELOAD", "tango", "modules (comma list) imported while waiting", readers.words),
    "git_repo": Variable(
        "OET_GIT_REPO",
        "https://gitlab.com/ska-telescope/oso/ska-oso-scripting.git",
        "repository of `git://` scripts that name none",
    ),
    "git_allowed": Variable(
        "OET_GIT_ALLOWED", "all", "URL prefixes (comma list) that scripts may be fetched from", readers.words
    ),
    "git_timeout": Variable(
        "OET_GIT_TIMEOUT", "120 s", "time limit for one conversation with a repository", readers.seconds
    ),
    "git_credentials": Variable(
        "OET_GIT_CREDENTIALS",
        "",
        "file with credentials for repositories, in the format of git's credential store",
        readers.path,
    ),
    "shelf_days": Variable(
        "OET_ENVIRONMENT_DAYS",
        "30",
        "days after which environments, work trees and mirrors that nobody used are removed",
        readers.whole(0, 36500),
    ),
    "shelf_size": Variable(
        "OET_ENVIRONMENT_SPACE",
        "20 GiB",
        "room for environments, work trees and mirrors; beyond it those used longest ago are removed",
        readers.size,
    ),
    "tango_host": Variable("TANGO_HOST", "", "Tango database of the telescope, `host:port`; for scripts"),
    "telescope": Variable(
        "SKA_TELESCOPE", "SKA-mid", "the telescope; for scripts", readers.choice("SKA-mid", "SKA-low")
    ),
    "subarray_prefix": Variable(
        "SUBARRAYNODE_TRL_PREFIX",
        "",
        "name of the subarray devices without the subarray's number; for scripts; by default "
        "`mid-tmc/subarray` or `low-tmc/subarray`. The number gets two digits, but one where the name "
        "begins with `ska_mid` or `ska_low`",
    ),
    "central_node": Variable(
        "CENTRALNODE_TRL",
        "",
        "name of the central node; for scripts; by default `mid-tmc/central-node/0` or "
        "`low-tmc/central-node/0`",
    ),
    "quality_monitor_prefix": Variable(
        "QUALITYMONITOR_TRL_PREFIX",
        "",
        "name of the devices that say whether QA is ready, without the subarray's number; passed to scripts; "
        "by default `mid-sdp/quality-monitor` or `low-sdp/quality-monitor`",
    ),
    "wait_for_qa_ready": Variable(
        "OET_WAIT_FOR_QA_READY",
        "true",
        "whether scripts wait for QA before they scan, until the operator decides otherwise",
        readers.switch,
    ),
    "oda_url": Variable(
        "OET_ODA_URL",
        "",
        "archive of scheduling blocks: `file:///path` of a folder, or the ODA's "
        "`https://host/ns/oda/api/v<major>`; by default the folder `oda` in the state directory",
        readers.archive,
    ),
    "oda_timeout": Variable(
        "OET_ODA_TIMEOUT", "10 s", "time limit for one conversation with the archive", readers.seconds
    ),
    "web_workers": Variable("OET_WEB_WORKERS", "1", "gunicorn workers", readers.whole(1, 16)),
    "web_threads": Variable("OET_WEB_THREADS", "16", "gunicorn threads per worker", readers.whole(1, 256)),
    "otlp_endpoint": Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "collector of OpenTelemetry (OTLP over HTTP) that traces are sent to; with none nothing is traced. "
        "Needs `ska_oso_oet[tracing]`; the other variables of OpenTelemetry hold as well",
    ),
    "log_level": Variable("LOG_LEVEL", "INFO", "what is logged", readers.level),
    "log_format": Variable(
        "OET_LOG_FORMAT", "ska", "`ska` (the SKA log line) or `text`", readers.choice("ska", "text")
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked. Times in seconds, sizes in bytes."""

    host: str
    port: int
    auth: str
    auth_issuers: tuple[str, ...]
    auth_audiences: tuple[str, ...]
    auth_client_id: str
    auth_scopes: str
    auth_read: tuple[str, ...]
    auth_execute: tuple[str, ...]
    auth_subarray_claim: str
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
    watchdog: float | None
    environment_timeout: float | None
    load_timeout: float | None
    init_timeout: float | None
    main_timeout: float | None
    memory_limit: int | None
    output_limit: int
    history: int
    retention_days: int
    warm_interpreters: int
    preload: tuple[str, ...]
    git_repo: str
    git_allowed: tuple[str, ...]
    git_timeout: float
    git_credentials: str
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
