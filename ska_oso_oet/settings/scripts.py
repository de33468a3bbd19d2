"""Settings of scripts: their location, time limits and permissions."""

from __future__ import annotations

import dataclasses

from . import parse
from .declaration import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScriptsSettings:
    """Settings of scripts: their location, time limits and permissions."""

    scripts_location: str = setting(
        "SCRIPTS_LOCATION",
        "",
        "folder of relative `file://` URIs and of the abort script; missing files are looked up among the "
        "packaged scripts",
        parse.path,
    )
    script_paths: tuple[str, ...] = setting(
        "OET_SCRIPT_PATHS",
        "/",
        "folders (colon list) that `file://` scripts may come from, beside the packaged ones",
        parse.folders,
    )
    abort_script: str = setting(
        "OET_ABORT_SCRIPT", "abort.py", "the script that runs after a stop with abort"
    )
    abort_timeout: float = setting(
        "OET_ABORT_TIMEOUT", "60 s", "time limit of the abort script", parse.seconds
    )
    abort_on: tuple[str, ...] = setting(
        "OET_ABORT_ON",
        "stop",
        f"when the abort script may run: any of `{','.join(parse.ABORT_REASONS)}`",
        parse.abort_on,
    )
    stop_grace: float = setting("OET_STOP_GRACE", "5 s", "time between SIGTERM and SIGKILL", parse.seconds)
    critical_limit: float = setting(
        "OET_CRITICAL_LIMIT",
        "30 s",
        "the most that a section of a script may delay a stop, by `critical`; a forced stop does not wait",
        parse.seconds,
    )
    pause_reminder: float | None = setting(
        "OET_PAUSE_REMINDER",
        "10 min",
        "time after which a pause is told again, and then each time after three times as long; or `none`",
        parse.limit,
    )
    end_grace: float = setting(
        "OET_END_GRACE",
        "60 s",
        "time after the end of `main` for Python's own end: joining threads, exit functions, closing files",
        parse.seconds,
    )
    script_umask: int = setting(
        "OET_SCRIPT_UMASK",
        "",
        "umask of scripts, three octal digits such as `022`; by default that of the server",
        parse.umask,
    )
    script_isolation: str = setting(
        "OET_SCRIPT_ISOLATION",
        "none",
        "isolation of scripts, and of the builds of their environments, from the server: `none`, `landlock` "
        "(the kernel permits access only to the system and their own files) or `uid` (another account as "
        "well)",
        parse.choice("none", "landlock", "uid"),
    )
    script_account: str = setting(
        "OET_SCRIPT_ACCOUNT",
        "",
        "account of scripts with `OET_SCRIPT_ISOLATION=uid`: a name, or `number` or `number:number` of "
        "account and group; the server must run as root",
        parse.account,
    )
    script_reads: tuple[str, ...] = setting(
        "OET_SCRIPT_READS",
        "",
        "folders and files (colon list) that isolated scripts may read, beside the system, their own and "
        "those of `SCRIPTS_LOCATION` and `OET_SCRIPT_PATHS`",
        parse.folders,
    )
    script_writes: tuple[str, ...] = setting(
        "OET_SCRIPT_WRITES",
        "",
        "folders and files (colon list) that isolated scripts may write, beside their run directory",
        parse.folders,
    )
    environment_timeout: float | None = setting(
        "OET_ENVIRONMENT_TIMEOUT",
        "600 s",
        "time limit for fetching a script from git and making its environment",
        parse.limit,
    )
    load_timeout: float | None = setting(
        "OET_LOAD_TIMEOUT", "60 s", "time limit for importing a script", parse.limit
    )
    check_timeout: float = setting(
        "OET_CHECK_TIMEOUT",
        "10 s",
        "time limit for importing a script, and for fetching one from git, when it is only checked",
        parse.seconds,
    )
    init_timeout: float | None = setting("OET_INIT_TIMEOUT", "600 s", "time limit for `init`", parse.limit)
    main_timeout: float | None = setting("OET_MAIN_TIMEOUT", "none", "time limit for `main`", parse.limit)
    memory_limit: int | None = setting(
        "OET_MEMORY_LIMIT", "none", "private memory of each process of a script", parse.memory
    )
    script_log_level: str = setting(
        "OET_SCRIPT_LOG_LEVEL",
        "INFO",
        "lowest level of log records written to a script's stderr, if the script does not configure logging: "
        " `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
        parse.level,
    )
    output_limit: int = setting("OET_OUTPUT_LIMIT", "64 MiB", "captured output kept per run", parse.size)
    message_rate: float | None = setting(
        "OET_MESSAGE_RATE",
        "200",
        "sustained messages per second of one script, or `none`; bursts of a hundred seconds' worth are "
        "permitted. Beyond that, sending waits. Each 4 KiB of a message count as one",
        parse.rate,
    )
    warm_interpreters: int = setting(
        "OET_WARM_INTERPRETERS",
        "1",
        "number of interpreters that wait for the next create",
        parse.whole(0, 16),
    )
    preload: tuple[str, ...] = setting(
        "OET_PRELOAD", "tango", "modules (comma list) imported while waiting", parse.words
    )
