"""An archive whose bytes follow from what is in it: sorted names, no times, owners or modes.

Formats: POSIX.1-2001 pax in gzip (RFC 1952), and ZIP with deflate. The packing of the bytes is
zlib's, so another build of zlib may pack the same content in other bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.errors import SuiteError

TAR, ZIP = ".tar.gz", ".zip"
_MODE = 0o644
# The earliest time that a ZIP archive can say.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def kind_of(path: Path) -> str:
    """Return the kind of archive that a name asks for; raises `SuiteError`."""
    for kind in (TAR, ZIP):
        if path.name.endswith(kind) and path.name != kind:
            return kind
    raise SuiteError(
        f"{path.name!r} is no archive's name", hint="let --out end with .tar.gz or .zip"
    )


def pack(folder: Path, into: IO[bytes], kind: str) -> None:
    """Write all files below a folder; their names begin with the folder's own."""
    (_pack_tar if kind == TAR else _pack_zip)(folder, into)


def _pack_tar(folder: Path, into: IO[bytes]) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=into, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in _files(folder):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), _MODE
            archive.addfile(entry, io.BytesIO(data))


def _pack_zip(folder: Path, into: IO[bytes]) -> None:
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _files(folder):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, _UNIX
            entry.external_attr = _MODE << 16
            archive.writestr(entry, data)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    inside = ((path.relative_to(folder.parent).as_posix(), path) for path in folder.rglob("*"))
    for name, path in sorted(inside):
        if path.is_file():
            yield name, path.read_bytes()
