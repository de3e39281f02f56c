"""Sockets of the device, and what carries bytes between one of them and a stream.

The names of Linux' abstract sockets belong to the whole host. Those of a virtual device stand
there under a prefix of its own, so that two of them may both have `chrome_devtools_remote`.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from harness.virtual_device.streams import Stream

_ABSTRACT = "localabstract:"
_TCP = "tcp:"
_PIECE = 64 * 1024
_WAITING = 128


def connect(name: str, prefix: str) -> socket.socket:
    """Connect to an abstract socket of the device, such as `localabstract:NAME`.

    Raises:
        OSError: nobody listens there, or this system has no abstract sockets.
    """
    made = socket.socket(socket.AF_UNIX)
    try:
        made.setblocking(False)
        made.connect(_abstract(name, prefix))
    except BaseException:
        made.close()
        raise
    return made


def listen(spec: str, prefix: str) -> socket.socket:
    """Listen on a socket of the device: `tcp:PORT` (0: any free one) or `localabstract:NAME`.

    Raises:
        OSError: it is taken.
        ValueError: it is another kind of socket, or no port.
    """
    if spec.startswith(_ABSTRACT):
        made = socket.socket(socket.AF_UNIX)
        try:
            made.bind(_abstract(spec, prefix))
            made.listen(_WAITING)
        except BaseException:
            made.close()
            raise
        return made
    port = spec.removeprefix(_TCP)
    if port == spec or not port.isdecimal() or int(port) > 0xFFFF:
        raise ValueError(f"unknown socket specification {spec!r}")
    return socket.create_server(("127.0.0.1", int(port)), backlog=_WAITING)


async def relay_to_socket(stream: Stream, *, connected: socket.socket) -> None:
    """Carry bytes both ways between a stream and a connected socket until either ends."""
    reader, writer = await asyncio.open_connection(sock=connected)
    await relay(stream, reader=reader, writer=writer)


async def relay(stream: Stream, *, reader: StreamReader, writer: StreamWriter) -> None:
    """Carry bytes both ways until either end is done; adb's streams have no half-closed state."""
    incoming = asyncio.create_task(_write_all(stream, writer))
    try:
        with suppress(ConnectionError):
            while data := await reader.read(_PIECE):
                await stream.write(data)
    finally:
        incoming.cancel()
        # The server may close right behind its last bytes, which are still to be delivered.
        writer.write(stream.left())
        writer.close()


async def _write_all(stream: Stream, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while True:
            writer.write(await stream.read())
            await writer.drain()


def _abstract(name: str, prefix: str) -> str:
    return f"\0{prefix}{name.removeprefix(_ABSTRACT)}"
