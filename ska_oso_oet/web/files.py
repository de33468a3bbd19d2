"""The views of what scripts have written in their working directories."""

from __future__ import annotations

import asyncio
import urllib.parse
from typing import BinaryIO

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from . import found_schemas, schemas
from .asking import ask
from .auth.permissions import Permission, needs
from .detached import Detached, Peer
from .problems import PROBLEMS
from .resources import base_url
from .runfiles import RunFiles
from .services import services

_PIECE = 2**18  #: bytes read at once

api = APIBlueprint("files", __name__, abp_tags=[Tag(name="files")])


@api.get(
    "/procedures/<int:procedure_id>/files",
    summary="List the files that a script has written",
    responses={200: found_schemas.RunFiles, **PROBLEMS},
)
@needs(Permission.READ)
def list_files(path: schemas.ProcedurePath) -> Response:
    """Those in its working directory, also while it runs. Links are left out."""
    pid = path.procedure_id
    files, more = _files_of(pid).all()
    address = f"{base_url()}/procedures/{pid}/files/"
    told = [
        {
            "path": file.path.decode("utf-8", "replace"),
            "uri": address + urllib.parse.quote(file.path),
            "size": file.size,
            "modified": file.modified,
        }
        for file in files
    ]
    return jsonify({"procedure_id": pid, "files": told, "more": more})


@api.get(
    "/procedures/<int:procedure_id>/files/<any_text:path>",
    summary="Fetch a file that a script has written",
    responses={
        200: {
            "description": "the file, as large as it was when it was asked for",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        **PROBLEMS,
    },
)
@needs(Permission.READ)
def get_file(path: found_schemas.RunFilePath) -> Response:
    """Whatever its name and size; nothing outside the script's working directory."""
    # As it came: the router takes names for UTF-8, and files may have others.
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
    return Detached(lambda peer: _send(peer, file, size), headers)


def _files_of(pid: int) -> RunFiles:
    ask("request.procedure.list", {"pids": [pid]})  # refused where there is none
    return RunFiles(services().settings.runs, pid)


async def _send(peer: Peer, file: BinaryIO, size: int) -> None:
    """Send so many bytes, and fewer only where the script has cut it short."""
    with file:
        while size > 0 and not peer.gone.is_set():
            piece = await asyncio.to_thread(file.read, min(size, _PIECE))
            if not piece:
                return
            size -= len(piece)
            await peer.write_all(piece)
