"""The listening socket of REST: opened by the arbiter, so that it outlives a FlaskWorker."""

from __future__ import annotations

import errno
import ipaddress
import socket

import click

from ..settings import Settings
from .common import CannotStart

#: The addresses that clients try for `localhost`, in an order of their own.
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def listen(settings: Settings) -> socket.socket:
    """Open the listening socket.

    :raises CannotStart: if that is not possible
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        unauthenticated = settings.auth != "off" and not settings.auth_issuers
        if unauthenticated and not ipaddress.ip_address(address[0]).is_loopback:
            raise CannotStart(
                f"OET_HOST={settings.host} is not a loopback address, and nothing here asks who is "
                "calling; set OET_AUTH_ISSUER, or OET_AUTH=off to serve everybody who can reach it"
            )
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by connections, even those accepted before FlaskWorker is ready. Without it, each answer
        # waits 40 ms for the acknowledgement of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(1024)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a host name"
        raise CannotStart(
            f"cannot listen on {settings.host} port {settings.port}: {reason}; choose another "
            "with OET_HOST and OET_PORT"
        ) from None
    if settings.auth == "off":
        click.echo("OET_AUTH=off: everybody who can reach this server may command it", err=True)
    return listener


def keep_loopback(listener: socket.socket) -> list[socket.socket]:
    """Occupy the loopback addresses on the port of a server that is reached at `localhost`.

    Otherwise another account could listen there, and would be sent the tokens of those whose `localhost` is
    that address. Connections to these sockets are refused, and clients try the next address.

    :returns: the sockets, which occupy the port as long as they are open
    :raises CannotStart: if another program has such an address
    """
    host, port = listener.getsockname()[:2]
    everywhere = host in ("0.0.0.0", "::")
    both = host == "::" and not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    kept: list[socket.socket] = []
    for family, other in _LOOPBACK if everywhere or host in ("127.0.0.1", "::1") else ():
        if other == host or both or (everywhere and family == listener.family):
            continue
        try:
            kept.append(_bound(family, other, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # otherwise this machine has no such address
                raise CannotStart(
                    f"another program has port {port} of {other}, where clients may look for this server; "
                    "end it, or choose another port with OET_PORT"
                ) from None
    return kept


def _bound(family: int, host: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.bind((host, port))
    except OSError:
        one.close()
        raise
    return one
