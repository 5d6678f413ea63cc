"""The files of the face: style, script and what the editor is made of; read once, from the package alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}


@cache
def _files() -> dict[str, Path]:
    """What may be asked for, by its path: nothing else is looked for on the disk."""
    return {
        file.relative_to(FOLDER).as_posix(): file
        for file in FOLDER.rglob("*")
        if file.suffix in _TYPES and file.is_file()
    }


async def serve(request: Request) -> Response:
    """One file, by its path below the folder."""
    file = _files().get(request.path_params["path"])
    if file is None:
        return Response("There is no such file.\n", 404, media_type="text/plain")
    return Response(_body(file), media_type=_TYPES[file.suffix])


@cache
def _body(file: Path) -> bytes:
    return file.read_bytes()
