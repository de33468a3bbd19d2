"""Settings of the REST server and of authentication."""

from __future__ import annotations

import dataclasses

from . import parse
from .declaration import setting
from .urls import Network


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestSettings:
    """Settings of the REST server and of authentication."""

    host: str = setting("OET_HOST", "127.0.0.1", "address REST listens on")
    host_names: tuple[str, ...] = setting(
        "OET_HOST_NAMES",
        "",
        "names (comma list) of this server that requests may use without authentication, beside `localhost`, "
        "`*.localhost` and `OET_HOST`; other names may be those of a hostile page that resolve "
        "to this server",
        parse.names,
    )
    port: int = setting(
        "OET_PORT", "5000", "port REST listens on; 0 picks one and prints it", parse.whole(0, 65535)
    )
    web_workers: int = setting(
        "OET_WEB_WORKERS",
        "1",
        "gunicorn workers; each has the limits of streams, bodies and threads for itself",
        parse.whole(1, 16),
    )
    web_threads: int = setting("OET_WEB_THREADS", "16", "gunicorn threads per worker", parse.whole(1, 256))
    auth: str = setting(
        "OET_AUTH",
        "",
        "`off` serves everybody who can reach `OET_HOST`; if neither this nor an issuer is set, only "
        "loopback addresses are allowed",
        parse.choice("", "off"),
    )
    auth_issuers: tuple[str, ...] = setting(
        "OET_AUTH_ISSUER",
        "",
        "OpenID providers (comma list of issuer URLs, exactly as their tokens name them) whose tokens are "
        "accepted; if unset, authentication is disabled",
        parse.issuers,
    )
    auth_audiences: tuple[str, ...] = setting(
        "OET_AUTH_AUDIENCE",
        "",
        "audiences (comma list), one of which a token must name; required with `OET_AUTH_ISSUER`",
        parse.words,
    )
    auth_client_id: str = setting("OET_AUTH_CLIENT_ID", "", "client id of `oet login` and the page")
    auth_scopes: str = setting(
        "OET_AUTH_SCOPES",
        "openid profile offline_access oet:read oet:execute",
        "scopes (separated by spaces) that `oet login` and the page request",
    )
    auth_read: tuple[str, ...] = setting(
        "OET_AUTH_READ",
        "",
        "scopes and roles (comma list of `scope:NAME` and `role:NAME`) that permit reading; by default "
        "`scope:oet:read`, `role:SW_ENGINEER` and the telescope's own operators: "
        "`role:MID_TELESCOPE_OPERATOR` or `role:LOW_TELESCOPE_OPERATOR`",
        parse.grants,
    )
    auth_execute: tuple[str, ...] = setting(
        "OET_AUTH_EXECUTE",
        "",
        "scopes and roles that permit executing and reading; by default `scope:oet:execute` and the "
        "same roles",
        parse.grants,
    )
    auth_subarray_claim: str = setting(
        "OET_AUTH_SUBARRAY_CLAIM",
        "",
        "claim that lists the subarrays a user may use (numbers, or `*`); if set, a token whose claim does "
        "not list this subarray is refused",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "OET_TRUSTED_PROXIES",
        "",
        "addresses and networks (comma list) of proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` "
        "and `-Prefix` are trusted; those of others are ignored. If unset, no proxy is trusted",
        parse.networks,
    )
    namespace: str = setting("KUBE_NAMESPACE", "ska-oso-oet", "first element of the base path", parse.segment)
