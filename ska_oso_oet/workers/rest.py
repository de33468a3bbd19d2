"""FlaskWorker: gunicorn with the Flask application, and the bus client beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from .. import tracing
from ..bus.client import BusClient
from ..execution.processes import end_with_parent
from ..metrics.store import STORE
from ..metrics.watch import watch
from ..settings import Settings
from ..web.app import create_app
from ..web.bridge import Bridge
from ..web.everywhere import Everywhere
from ..web.patient import PatientWorker
from ..web.proxies import Proxied
from ..web.requests import WSGI
from ..web.stream import Hub
from ..web.timing import Timed
from ..web.traced import Traced
from .base import CannotStart, begin_tracing
from .listener import listen
from .pulse import begin_beating

LOG = logging.getLogger(__name__)

_GRACEFUL = 3  #: seconds that requests being answered get at the end
_FLUSH = 1.0  #: seconds that what was said last gets to reach the journal
_HEADER = 20 * 1024  #: bytes of a header; the longest token and what goes before it


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings, listener: int) -> None:
        self._settings = settings
        self._listener = listener
        self.bridge: Bridge | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": [f"fd://{self._listener}"],
            "workers": self._settings.web_workers,
            "threads": self._settings.web_threads,
            "worker_class": PatientWorker,
            "timeout": 0,
            "keepalive": 75,  # proxies keep connections for 60 s, and must be the first to close one
            "graceful_timeout": _GRACEFUL,
            "worker_connections": 2000,
            "post_fork": _forked,
            "worker_exit": _exits,
            "logger_class": "ska_oso_oet.workers.gunicornlog.Log",
            "control_socket_disable": True,
            "forwarder_headers": "",
            "forwarded_allow_ips": "",  # Proxied decides whom to believe
            "limit_request_line": 8190,
            "limit_request_field_size": _HEADER,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        self.bridge = Bridge(self._settings.bus_socket)
        hub, everywhere = Hub(), Everywhere()
        STORE.open(self._settings.metrics)

        def prepare(bus: BusClient) -> None:
            hub.attach(bus)
            everywhere.attach(bus)
            self._watching = asyncio.ensure_future(watch(bus.name, bus.look, hub.look))

        self.bridge.start(prepare)
        begin_tracing(self._settings, "FlaskWorker")
        served = create_app(self._settings, self.bridge, hub, everywhere)
        self.bridge.loop.call_soon_threadsafe(begin_beating)
        app: WSGI = Timed(Proxied(served, self._settings.trusted_proxies))
        return Traced(app) if self._settings.otlp_endpoint else app


def _forked(_arbiter: Any, _worker: Any) -> None:
    end_with_parent()
    # The thread that speaks on the bus and those that answer requests take turns; the default of 5 ms
    # would show in every answer while many listeners are being written to.
    sys.setswitchinterval(0.0005)


def _exits(_arbiter: Any, worker: Any) -> None:
    bridge: Bridge | None = worker.app.bridge
    if bridge is not None:
        bridge.flush(_FLUSH)
    tracing.flush(_FLUSH)


def main(settings: Settings, listener: int | None) -> None:
    """Serve HTTP until told to end.

    :param listener: the descriptor of a socket that listens already
    :raises CannotStart: where the application cannot be made
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    if listener is None:
        opened = listen(settings)
        listener = opened.detach()
    mine = os.getpid()
    try:
        _Server(settings, listener).run()
    except SystemExit as ended:
        # gunicorn's worker ends this way, too, in a process of its own.
        if ended.code == Arbiter.WORKER_BOOT_ERROR and os.getpid() == mine:
            raise CannotStart("the web application cannot be made; the log says why") from None
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))  # what is left to do is to forget much that was imported
