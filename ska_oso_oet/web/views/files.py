"""The views of files in the working directories of scripts."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from typing import BinaryIO

from flask import Response, request

from ...bus import topics
from ..auth import identity
from ..auth.permissions import Permission, needs
from ..context import services
from ..gateway import ask
from ..problems import PROBLEMS
from ..responses import base_url
from ..routes import Routes
from ..run_files import RunFiles
from ..schemas import discovery, procedures
from ..streams.hijack import Hijacked, Peer

_PIECE = 2**18  #: bytes read at once
_PATIENCE = 20.0  #: seconds a list waits for its turn
_LIST = 60.0  #: seconds it may take

api = Routes("files", __name__, tag="files")


@api.get(
    "/procedures/<int:procedure_id>/files",
    summary="List the files written by a script",
    responses={200: discovery.RunFiles, **PROBLEMS},
)
@needs(Permission.READ)
def list_files(path: procedures.ProcedurePath) -> Response:
    """Those in its working directory, even while it runs, without links."""
    pid = path.procedure_id
    address = f"{base_url()}/procedures/{pid}/files/"
    files_of = _files_of(pid)
    bridge, turns, user = services().bridge, services().reading, identity.whose()[0]
    # So many names take some seconds, which would hold up commands if many lists were made at once.
    listing = turns.in_thread(user, lambda: _listed(pid, files_of, address), _PATIENCE)
    return Response(bridge.wait_for(listing, _LIST), content_type="application/json")


def _listed(pid: int, files_of: RunFiles, address: str) -> bytes:
    files, more = files_of.all()
    documents = [
        {
            "path": file.path.decode("utf-8", "replace"),
            "uri": address + urllib.parse.quote(file.path),
            "size": file.size,
            "modified": file.modified,
        }
        for file in files
    ]
    answer = {"procedure_id": pid, "files": documents, "more": more}
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@api.get(
    "/procedures/<int:procedure_id>/files/<any_text:path>",
    summary="Fetch a file written by a script",
    responses={
        200: {
            "description": "the file, with the size it had at the request",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        **PROBLEMS,
    },
)
@needs(Permission.READ)
def get_file(path: discovery.RunFilePath) -> Response:
    """A file of any name and size in the script's working directory."""
    # From the raw path: the router decodes names as UTF-8, and files may have others.
    came = request.environ["PATH_INFO"].encode("latin-1").partition(b"/files/")[2]
    file, size = _files_of(path.procedure_id).open(came)
    name = urllib.parse.quote(came.rpartition(b"/")[2], safe="")
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Hijacked(lambda peer: _send(peer, file, size), headers)


def _files_of(pid: int) -> RunFiles:
    ask(topics.LIST_PROCEDURES, {"pids": [pid]})  # refused if there is no such procedure
    return RunFiles(services().settings.runs, pid)


async def _send(peer: Peer, file: BinaryIO, size: int) -> None:
    """Send a number of bytes, or fewer if the script has truncated the file."""
    with file:
        while size > 0 and not peer.gone.is_set():
            piece = await asyncio.to_thread(file.read, min(size, _PIECE))
            if not piece:
                return
            size -= len(piece)
            await peer.write_all(piece)
