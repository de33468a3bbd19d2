"""Settings of git that override those of user and machine, and its error messages.

Nothing a repository brings is ever run when it is fetched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ..domain.repositories import without_secrets
from .address_guard import Host

_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "init.templateDir": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.clean": "",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
    "protocol.ext.allow": "never",
    "gc.auto": "0",  # a run must not wait for it
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "http.followRedirects": "false",  # the address is allowed, not the target of a redirect
    "transfer.bundleURI": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}
#: An address that no connection can be made to, and that the kernel refuses at once.
_NOWHERE = ("255.255.255.255",)


def pinned(host: Host | None) -> dict[str, str]:
    """Settings that make git connect to the resolved addresses, even if a name resolves differently by now.

    Without an address only a proxy may know the name: git connects to nothing by itself.
    """
    if host is None or not host.scheme.startswith("http"):
        return {}
    addresses = (f"[{address}]" if ":" in address else address for address in host.addresses or _NOWHERE)
    return {"http.curloptResolve": f"{host.name}:{host.port}:{','.join(addresses)}"}


def environment_for_git(credentials: int | None, more: Mapping[str, str]) -> dict[str, str]:
    """Variables for git that override the configuration of user and machine.

    :param credentials: descriptor of a file in the format of git's credential store, which git is to inherit
    :param more: further settings
    """
    settings = [*_CONFIGURATION.items(), *more.items()]
    if credentials is not None:
        # Asked, never written to: the file may lie on a read-only volume, and is not git's to tidy.
        ask = f"git credential-store --file=/dev/fd/{credentials} get"
        settings.append(("credential.helper", f'!f() {{ test "$1" != get || {ask}; }}; f'))
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    given = {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(first + len(settings)),
    }
    for n, (key, value) in enumerate(settings, first):
        given |= {f"GIT_CONFIG_KEY_{n}": key, f"GIT_CONFIG_VALUE_{n}": value}
    if "GIT_SSH_COMMAND" not in os.environ:
        given["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    return given


#: Makes git print its HTTP traffic, without secrets.
TRACING = {"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1", "GIT_TRACE_REDACT": "1"}


def is_redirected(text: str) -> bool:
    """Whether git complains that it was sent elsewhere."""
    return re.search(r"returned error: 3\d\d\b", text) is not None


def redirected_to(trace: str) -> str | None:
    """The address of the repository that a server has named instead of its own."""
    location = re.search(r"Recv header: location: (\S+)", trace, re.IGNORECASE)
    return without_secrets(location[1].partition("/info/refs")[0])[:200] if location else None


_LOGIN = (
    r"Authentication failed|could not read (Username|Password)|prompts disabled|error: 40[13]|"
    r"Permission denied \("
)
_AWAY = (
    r"Could(n't| not) connect|Failed to connect|Connection (refused|timed out|reset|closed)|"
    r"unable to connect|unexpected disconnect|error: 5\d\d"
)
_REMEDIES = {
    _LOGIN: "give the server credentials for it (OET_GIT_CREDENTIALS, or a key)",
    "Host key verification failed": "add its host key to the known_hosts of the server",
    "certificate": "have the server trust the authority of its certificate",
    _AWAY: "check git_repo, or try again later",
    "not found|does not exist|does not appear to be|Could not resolve host": "check git_repo",
}


def remedy_for(complaint: str) -> str:
    """What to do about a complaint of git, to be appended; empty if that is not known."""
    for pattern, remedy in _REMEDIES.items():
        if re.search(pattern, complaint, re.IGNORECASE):
            return f"; {remedy}"
    return ""


def complaint_of_git(text: str, most: int = 3) -> str:
    """The error message of git, without its advice and without secrets."""
    lines = [line.strip() for line in without_secrets(text).splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))]
    return "; ".join((complaints or lines)[:most]) or "git failed and gave no reason"
