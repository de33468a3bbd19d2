"""The environment variables that are settings: every one is here, with its default and its meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from . import readers

MOST_SUBARRAYS = 16


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
    "host_names": Variable(
        "OET_HOST_NAMES",
        "",
        "names (comma list) by which this server may be called where nobody is asked who they are, beside "
        "`localhost`, `*.localhost` and `OET_HOST`; a page whose name leads here may call it by its own",
        readers.names,
    ),
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
    "trusted_proxies": Variable(
        "OET_TRUSTED_PROXIES",
        "",
        "addresses and networks (comma list) of proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` "
        "and `-Prefix` are believed; anybody else's are ignored, by default everybody's",
        readers.networks,
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
        "relative `file://` URIs, and the abort script, are looked up here, and where they are not here "
        "among the packaged scripts",
        readers.path,
    ),
    "script_paths": Variable(
        "OET_SCRIPT_PATHS",
        "/",
        "folders (colon list) that `file://` scripts may come from, beside the packaged ones",
        readers.folders,
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
    "end_grace": Variable(
        "OET_END_GRACE",
        "60 s",
        "time after the end of `main` for what Python does at the end of a program: joining threads, exit "
        "functions, closing files",
        readers.seconds,
    ),
    "script_umask": Variable(
        "OET_SCRIPT_UMASK",
        "",
        "umask of scripts, three octal digits such as `022`; by default the one the server was started with",
        readers.umask,
    ),
    "script_isolation": Variable(
        "OET_SCRIPT_ISOLATION",
        "none",
        "how far scripts, and what builds their environments, are kept from the server: `none`, `landlock` "
        "(the kernel shows them the system and their own files only) or `uid` (another account as well)",
        readers.choice("none", "landlock", "uid"),
    ),
    "script_account": Variable(
        "OET_SCRIPT_ACCOUNT",
        "",
        "account of scripts with `OET_SCRIPT_ISOLATION=uid`: a name, or `number` or `number:number` of "
        "account and group; needs a server that runs as root",
        readers.account,
    ),
    "script_reads": Variable(
        "OET_SCRIPT_READS",
        "",
        "folders and files (colon list) that isolated scripts may read, beside the system, their own and "
        "those of `SCRIPTS_LOCATION` and `OET_SCRIPT_PATHS`",
        readers.folders,
    ),
    "script_writes": Variable(
        "OET_SCRIPT_WRITES",
        "",
        "folders and files (colon list) that isolated scripts may change, beside their run directory",
        readers.folders,
    ),
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
    "message_rate": Variable(
        "OET_MESSAGE_RATE",
        "200",
        "messages per second that one script may send in the long run, or `none`; those of a hundred seconds "
        "may come at once. Beyond that sending one waits. Of a long message each 4 KiB count as one",
        readers.rate,
    ),
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
        "OET_GIT_ALLOWED",
        "all",
        "URL prefixes (comma list) that scripts may be fetched from; addresses of loopback, link-local and "
        "cloud metadata only where an entry names the host",
        readers.words,
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
    "pip_index_url": Variable(
        "OET_PIP_INDEX_URL",
        "",
        "package index that environments are made from instead of https://pypi.org/simple, where a project "
        "names none itself",
        readers.index,
    ),
    "pip_extra_index_urls": Variable(
        "OET_PIP_EXTRA_INDEX_URL",
        "",
        "further package indexes (list separated by spaces), asked before that one; a package comes from the "
        "first that has its name",
        readers.indexes,
    ),
    "pip_credentials": Variable(
        "OET_PIP_CREDENTIALS",
        "",
        "file with users and passwords for package indexes, in the format of netrc",
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
    "audit_syslog": Variable(
        "OET_AUDIT_SYSLOG",
        "",
        "receiver of syslog that the audit is sent to as it happens: `tls://host:6514`, `tcp://host:601`, "
        "`udp://host:514` or `unix:///dev/log`",
        readers.syslog,
    ),
    "audit_syslog_ca": Variable(
        "OET_AUDIT_SYSLOG_CA",
        "",
        "file with certificates of the authorities that may have signed that of `tls://host`; by default "
        "those of this machine",
        readers.path,
    ),
    "audit_otlp": Variable(
        "OET_AUDIT_OTLP",
        "",
        "collector of OpenTelemetry (OTLP over HTTP, `http://host:4318`) that the audit is sent to as log "
        "records. Needs `ska_oso_oet[tracing]`; `OTEL_EXPORTER_OTLP_HEADERS` and the like hold as well",
        readers.collector,
    ),
    "log_level": Variable("LOG_LEVEL", "INFO", "what is logged", readers.level),
    "log_format": Variable(
        "OET_LOG_FORMAT", "ska", "`ska` (the SKA log line) or `text`", readers.choice("ska", "text")
    ),
}
