"""The listening socket of REST: opened by the arbiter, so that it outlives a FlaskWorker."""

from __future__ import annotations

import ipaddress
import socket

import click

from ..settings import Settings
from .common import CannotStart


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
