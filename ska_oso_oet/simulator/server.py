"""Runs the devices as one Tango device server, with or without a Tango database."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import tango
from tango.server import run
from tango.test_context import get_server_port_via_pid

from .devices import CentralNode, QualityMonitor, SubarrayNode, TmcDevice
from .tmc import Tmc

NAME = "oet-simulator"
START_LIMIT = 20.0  #: seconds from listening to answering


def serve(
    tmc: Tmc, host: str, port: int, tango_host: str | None, ready: Callable[[dict[str, str]], None]
) -> None:
    """Serve until told to end by a signal.

    :param port: where to listen; 0 picks a free port
    :param tango_host: HOST:PORT of the Tango database to register the devices in; None: do without one
    :param ready: called once, when requests are answered, with the environment that leads clients here
    :raises tango.DevFailed: cannot listen there, or no such database
    """
    TmcDevice.tmc = tmc
    words = [NAME, tmc.telescope, "-ORBendPoint", f"giop:tcp:{host}:{port}"]
    if tango_host is None:
        listed = ",".join(f"{kind}::{name}" for kind, names in tmc.devices().items() for name in names)
        words += ["-nodb", "-host", host, "-dlist", listed]
    else:
        os.environ["TANGO_HOST"] = tango_host
        register(tmc, tango_host)

    def announce() -> None:
        address = f"{host}:{get_server_port_via_pid(os.getpid(), host)}"
        wait_until_answering(f"tango://{address}/{tmc.names.central_node}#dbase=no")
        ready(environment(tmc, address, tango_host))

    run(
        (CentralNode, SubarrayNode, QualityMonitor),
        args=words,
        post_init_callback=threading.Thread(target=announce, daemon=True).start,
        raises=True,
    )


def register(tmc: Tmc, tango_host: str) -> None:
    """Write the devices into a Tango database.

    :raises tango.DevFailed: it cannot be reached
    """
    host, _, port = tango_host.rpartition(":")
    database = tango.Database(host, int(port))
    for kind, names in tmc.devices().items():
        for name in names:
            info = tango.DbDevInfo()
            info.name, info.server = name, f"{NAME}/{tmc.telescope}"
            info._class = kind  # noqa: SLF001  that is how Tango spells it
            database.add_device(info)


def environment(tmc: Tmc, address: str, tango_host: str | None) -> dict[str, str]:
    """Return the variables that lead the OET's scripts to this telescope.

    :param address: HOST:PORT the server listens on
    :param tango_host: HOST:PORT of the Tango database that knows its devices; None: there is none
    """

    def trl(name: str) -> str:
        return name if tango_host else f"tango://{address}/{name}#dbase=no"

    return {
        **({"TANGO_HOST": tango_host} if tango_host else {}),
        "SKA_TELESCOPE": f"SKA-{tmc.telescope}",
        "SUBARRAYNODE_TRL_PREFIX": trl(tmc.names.subarray_prefix),
        "CENTRALNODE_TRL": trl(tmc.names.central_node),
        "QUALITYMONITOR_TRL_PREFIX": trl(tmc.names.quality_prefix),
    }


def wait_until_answering(trl: str) -> None:
    """Return when a device answers: it listens a moment before it does.

    :raises tango.DevFailed: it does not within :data:`START_LIMIT`
    """
    deadline = time.monotonic() + START_LIMIT
    with tango.EnsureOmniThread():
        while True:
            try:
                tango.DeviceProxy(trl).ping()
                return
            except tango.DevFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
