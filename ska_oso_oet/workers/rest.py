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

from ..bus.client import BusClient
from ..kernel.processes import end_with_parent
from ..settings import Settings
from ..telemetry import tracing
from ..telemetry.metrics.store import STORE
from ..telemetry.metrics.watch import watch
from ..web.app import create_app
from ..web.bridge import Bridge
from ..web.middleware.base_path import WSGI
from ..web.middleware.proxies import Proxied
from ..web.middleware.timing import Timed
from ..web.middleware.tracing import Traced
from ..web.server.worker import BufferingWorker
from ..web.streams.all_subarrays import AllSubarraysHub
from ..web.streams.hub import Hub
from .common import CannotStart, begin_tracing
from .heartbeat import begin_beating
from .listener import keep_loopback, listen

LOG = logging.getLogger(__name__)

_GRACEFUL = 3  #: seconds for current requests at the end
_FLUSH = 1.0  #: seconds for the last messages to reach the journal
_HEADER = 20 * 1024  #: bytes of a header: the longest token and its prefix


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
            "worker_class": BufferingWorker,
            "timeout": 0,
            "keepalive": 75,  # proxies keep connections for 60 s, and must be the first to close one
            "graceful_timeout": _GRACEFUL,
            "worker_connections": 2000,
            "post_fork": _forked,
            "worker_exit": _exits,
            "logger_class": "ska_oso_oet.web.server.gunicorn_log.Log",
            "control_socket_disable": True,
            "forwarder_headers": "",
            "forwarded_allow_ips": "",  # Proxied decides which proxies are trusted
            "limit_request_line": 8190,
            "limit_request_field_size": _HEADER,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        self.bridge = Bridge(self._settings.bus_socket)
        hub, all_subarrays = Hub(), AllSubarraysHub()
        STORE.open(self._settings.metrics)

        def prepare(bus: BusClient) -> None:
            hub.attach(bus)
            all_subarrays.attach(bus)
            self._watching = asyncio.ensure_future(watch(bus.name, bus.update_gauges, hub.update_gauges))

        self.bridge.start(prepare)
        begin_tracing(self._settings, "FlaskWorker")
        served = create_app(self._settings, self.bridge, hub, all_subarrays)
        self.bridge.loop.call_soon_threadsafe(begin_beating)
        app: WSGI = Timed(Proxied(served, self._settings.trusted_proxies))
        return Traced(app) if self._settings.otlp_endpoint else app


def _forked(_arbiter: Any, _worker: Any) -> None:
    end_with_parent()
    # The bus thread and the request threads compete for the interpreter lock; the default of 5 ms would delay
    # every answer while events are written to many listeners.
    sys.setswitchinterval(0.0005)


def _exits(_arbiter: Any, worker: Any) -> None:
    bridge: Bridge | None = worker.app.bridge
    if bridge is not None:
        bridge.flush(_FLUSH)
    tracing.flush(_FLUSH)


def main(settings: Settings, listener: int | None) -> None:
    """Serve HTTP until SIGTERM or SIGINT.

    :param listener: file descriptor of a listening socket; if None, one is opened
    :raises CannotStart: if the application cannot be created
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    if listener is None:
        opened = listen(settings)
        _kept = keep_loopback(opened)
        listener = opened.detach()
    pid = os.getpid()
    try:
        _Server(settings, listener).run()
    except SystemExit as ended:
        # gunicorn's worker processes also end this way.
        if ended.code == Arbiter.WORKER_BOOT_ERROR and os.getpid() == pid:
            raise CannotStart("the web application cannot be created; see the log") from None
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))  # skips the slow destruction of modules
