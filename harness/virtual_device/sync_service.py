"""Files on the device: adb's `sync:` service, as `file_sync_protocol.h` of Android defines it.

STAT, LIST, SEND and RECV, and version 2 of stat, lstat and list. Every path is confined to the
sandbox; compression is not offered.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.virtual_device.sandbox import Outside, Sandbox
from harness.virtual_device.streams import Stream

_PIECE = 64 * 1024
_LONGEST_PATH = 1024
_WORD = struct.Struct("<4sI")
_STAT = struct.Struct("<4sIII")  # id, mode, size, mtime
_DENT = struct.Struct("<4sIIII")  # id, mode, size, mtime, length of the name
_STAT2 = struct.Struct("<4sIQQIIIIQqqq")  # id, error, dev, ino, mode, nlink, uid, gid, size, times
_DENT2 = struct.Struct("<4sIQQIIIIQqqqI")  # the same, length of the name
_LOW = 0xFFFFFFFF


Take = Callable[[int], None]
"""Called with the number of bytes about to be written; raises `OSError` to refuse them."""


async def serve_sync(stream: Stream, *, sandbox: Sandbox, take: Take = lambda _: None) -> None:
    """Answer requests until the peer says QUIT."""
    service = _Sync(stream, sandbox, take)
    answers = {
        b"STAT": service.stat,
        b"STA2": service.stat_v2,
        b"LST2": service.lstat_v2,
        b"LIST": service.list_v1,
        b"LIS2": service.list_v2,
        b"SEND": service.take,
        b"RECV": service.give,
    }
    while True:
        word, length = _WORD.unpack(await stream.read_exactly(_WORD.size))
        if word == b"QUIT":
            return
        if word not in answers or length > _LONGEST_PATH:
            await service.fail(f"cannot answer {word!r} with {length} bytes")
            return
        await answers[word](await stream.read_exactly(length))


class _Sync:
    def __init__(self, stream: Stream, sandbox: Sandbox, take: Take) -> None:
        self._stream = stream
        self._sandbox = sandbox
        self._take = take

    async def fail(self, reason: str) -> None:
        text = reason.encode(errors="surrogateescape")
        await self._stream.write(_WORD.pack(b"FAIL", len(text)) + text)

    async def stat(self, path: bytes) -> None:
        """Version 1 has no place for an error: zeros mean that there is nothing."""
        try:
            found = self._sandbox.confine(path, follow=False).lstat()
        except (Outside, OSError):
            await self._stream.write(_STAT.pack(b"STAT", 0, 0, 0))
            return
        size, mtime = found.st_size & _LOW, int(found.st_mtime) & _LOW
        await self._stream.write(_STAT.pack(b"STAT", found.st_mode, size, mtime))

    async def stat_v2(self, path: bytes) -> None:
        await self._stat_v2(b"STA2", path, follow=True)

    async def lstat_v2(self, path: bytes) -> None:
        await self._stat_v2(b"LST2", path, follow=False)

    async def _stat_v2(self, word: bytes, path: bytes, *, follow: bool) -> None:
        error, found = 0, None
        try:
            found = self._sandbox.confine(path, follow=follow).lstat()
        except Outside:
            error = errno.EACCES
        except OSError as failure:
            error = failure.errno or errno.EACCES
        await self._stream.write(_STAT2.pack(word, error, *_fields_v2(found)))

    async def list_v1(self, path: bytes) -> None:
        entries = bytearray()
        for name, found in self._entries(path):
            size, mtime = found.st_size & _LOW, int(found.st_mtime) & _LOW
            entries += _DENT.pack(b"DENT", found.st_mode, size, mtime, len(name)) + name
        await self._stream.write(bytes(entries) + _DENT.pack(b"DONE", 0, 0, 0, 0))

    async def list_v2(self, path: bytes) -> None:
        entries = bytearray()
        for name, found in self._entries(path):
            entries += _DENT2.pack(b"DNT2", 0, *_fields_v2(found), len(name)) + name
        end = _DENT2.pack(b"DONE", 0, *_fields_v2(None), 0)
        await self._stream.write(bytes(entries) + end)

    def _entries(self, path: bytes) -> list[tuple[bytes, os.stat_result]]:
        """What cannot be listed has no entries: neither version has a place for an error."""
        found = []
        with suppress(Outside, OSError):
            folder = self._sandbox.confine(path, follow=True)
            names = sorted(each.name for each in folder.iterdir())
            for name in [".", "..", *names]:
                with suppress(OSError):
                    found.append((os.fsencode(name), (folder / name).lstat()))
        return found

    async def give(self, path: bytes) -> None:
        try:
            with self._sandbox.confine(path, follow=True).open("rb") as source:
                while piece := source.read(_PIECE):
                    await self._stream.write(_WORD.pack(b"DATA", len(piece)) + piece)
        except (Outside, OSError) as error:
            await self.fail(_reason("open failed", error))
            return
        await self._stream.write(_WORD.pack(b"DONE", 0))

    async def take(self, request: bytes) -> None:
        """Receive a file; after a failure the rest of it is still read, and thrown away."""
        name, _, mode = request.rpartition(b",")
        try:
            place = self._sandbox.confine(name, follow=False)
            target = _create(place, int(mode))
        except (Outside, OSError, ValueError) as error:
            await self.fail(_reason("couldn't create file", error))
            await self._receive(None)
            return
        failure: OSError | None = None
        whole = False
        try:
            with os.fdopen(target, "wb", buffering=0) as file:
                mtime, failure = await self._receive(file.fileno())
            whole = failure is None
        finally:
            if not whole:
                place.unlink(missing_ok=True)
        if failure is None:
            os.utime(place, (mtime, mtime))
            await self._stream.write(_WORD.pack(b"OKAY", 0))
        else:
            await self.fail(_reason("write failed", failure))

    async def _receive(self, target: int | None) -> tuple[int, OSError | None]:
        """Read pieces to the end; return the time that came with it, and the first error."""
        failure: OSError | None = None
        while True:
            word, length = _WORD.unpack(await self._stream.read_exactly(_WORD.size))
            if word == b"DONE":
                return length, failure
            if word != b"DATA" or length > _PIECE:
                raise ValueError(f"{word!r} of {length} bytes inside a file")
            piece = await self._stream.read_exactly(length)
            if target is not None and failure is None:
                try:
                    self._take(len(piece))
                    _write(target, piece)
                except OSError as error:
                    failure = error


def _fields_v2(found: os.stat_result | None) -> tuple[int, ...]:
    if found is None:
        return (0,) * 10
    return (
        found.st_dev & 0xFFFFFFFFFFFFFFFF,
        found.st_ino,
        found.st_mode,
        found.st_nlink,
        found.st_uid,
        found.st_gid,
        found.st_size,
        int(found.st_atime),
        int(found.st_mtime),
        int(found.st_ctime),
    )


def _create(place: Path, mode: int) -> int:
    """Open a new file in place of an old one; its group and others may do what its owner may."""
    if not stat.S_ISREG(mode):
        raise ValueError("only plain files are taken")
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    place.unlink(missing_ok=True)
    target = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    owner = mode >> 6 & 0o7
    os.fchmod(target, owner << 6 | owner << 3 | owner)
    return target


def _write(target: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(target, rest) :]


def _reason(doing: str, error: Exception) -> str:
    what = error.strerror if isinstance(error, OSError) else str(error)
    return f"{doing}: {what}"
