"""Runs the devices as one Tango device server, with or without a Tango database."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

import tango
from tango.server import run

from .base_device import TmcDevice
from .devices import CentralNode, SubarrayNode
from .quality_device import QualityMonitor
from .tmc import Tmc

NAME = "oet-simulator"

#: What this observatory knows, and blocks do not say.
_RECEIVE = {"sdp_script": "vis-receive", "script_version": "latest", "script_parameters": {}}
_OBSERVATORY = {
    "mid": {
        "fsp_ids": [1, 2, 3, 4],
        "band_5_tuning": [5.85, 7.25],
        "telescope_model": {
            "source_uris": ["car:ska-mid?main#tmdata"],
            "array_layout_path": "instrument/ska1_mid/layout/mid-layout.json",
        },
        "sdp_configurations": [_RECEIVE],
    },
    "low": {"fsp_ids": [1, 2], "sdp_configurations": [_RECEIVE]},
}
START_LIMIT = 20.0  #: seconds from listening to answering


class CannotServe(Exception):  # noqa: N818  reads as a sentence on the command line
    """The server cannot run as asked; the text says why."""


def serve(
    tmc: Tmc, host: str, port: int, tango_host: str | None, ready: Callable[[dict[str, str]], None]
) -> None:
    """Serve until told to end by a signal.

    :param port: the port to listen on; 0 picks a free one
    :param tango_host: HOST:PORT of the Tango database to register the devices in; None: do without one
    :param ready: called once, when requests are answered, with the environment that leads clients here
    :raises CannotServe: cannot listen there, or no such database
    """
    TmcDevice.tmc = tmc
    try:
        reserved = reserve(host, port)
    except OSError as error:
        raise CannotServe(f"cannot serve on {host}:{port}: {error.strerror}") from error
    port = reserved.getsockname()[1]
    words = [NAME, tmc.telescope, "-ORBendPoint", f"giop:tcp:{host}:{port}", "-host", host]
    if tango_host is None:
        listed = ",".join(f"{kind}::{name}" for kind, names in tmc.devices().items() for name in names)
        words += ["-nodb", "-dlist", listed]
    else:
        register(tmc, tango_host)

    def announce() -> None:
        try:
            variables = environment(tmc, f"{host}:{port}", tango_host)
            wait_until_answering(variables["CENTRALNODE_TRL"])
        except Exception as error:  # noqa: BLE001  without clients it is of no use, whatever the reason
            sys.stderr.write(f"Error: nobody can reach this server: {error}\n")
            os._exit(1)
        reserved.close()
        ready(variables)

    try:
        run(
            (CentralNode, SubarrayNode, QualityMonitor),
            args=words,
            post_init_callback=threading.Thread(target=announce, daemon=True).start,
            raises=True,
        )
    except (RuntimeError, tango.DevFailed) as error:  # omniORB has written why
        raise CannotServe(f"cannot serve on {host}:{port}") from error


def reserve(host: str, port: int) -> socket.socket:
    """Return a socket that keeps this port, or a free one for 0, from others until the server listens on it.

    Tango could pick a free port itself, but would then call the events of every such server alike, and a
    client of two servers would take those of one for those of the other.

    :raises OSError: it is taken, or there is no such host
    """
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    reserved = socket.socket(family, kind, protocol)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(address)
    except OSError:
        reserved.close()
        raise
    return reserved


def register(tmc: Tmc, tango_host: str) -> None:
    """Write the devices into a Tango database, and make it the one of this process.

    :raises CannotServe: it cannot be reached
    """
    host, _, port = tango_host.rpartition(":")
    server = f"{NAME}/{tmc.telescope}"
    os.environ["TANGO_HOST"] = tango_host
    try:
        database = tango.Database(host, int(port))
        devices = database.get_device_class_list(server).value_string  # name, class, name, class …
        for name, kind in zip(devices[::2], devices[1::2], strict=True):
            if kind != "DServer":  # of an earlier telescope that had more of them
                database.delete_device(name)
        for kind, names in tmc.devices().items():
            for name in names:
                info = tango.DbDevInfo()
                info.name, info.server = name, server
                info._class = kind  # noqa: SLF001  that is how Tango spells it
                database.add_device(info)
    except tango.DevFailed as error:
        reason = error.args[0].desc.strip()
        raise CannotServe(f"cannot register devices in the Tango database {tango_host}: {reason}") from error


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
        "QUALITYMONITOR_ATTRIBUTE": "qaReady",
        **({"OET_TMC_INTERFACES": tmc.version.interfaces} if tmc.version.strict else {}),
        "OET_OBSERVATORY": json.dumps(_OBSERVATORY[tmc.telescope], separators=(",", ":")),
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
