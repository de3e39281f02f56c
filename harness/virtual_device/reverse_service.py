"""The service `reverse`: ports of the device that lead to the adb server's host.

The requests and answers are those of `handle_forward_request` of Android's adb, as its device
side gives them: one OKAY or FAIL, and after it the port where a free one was asked for.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.virtual_device import sockets
from harness.virtual_device.streams import Stream

Reach = Callable[[str, StreamReader, StreamWriter], None]
"""Connects an accepted connection with a service of the adb server's host."""

_NO_REBIND = "norebind:"


class _Failed(Exception):
    pass


@dataclass(slots=True)
class _Listener:
    remote: str
    server: asyncio.Server


@dataclass(slots=True)
class Reverses:
    """The ports of one connection; they end with it. `prefix` is of abstract sockets' names."""

    prefix: str
    reach: Reach
    _listeners: dict[str, _Listener] = field(default_factory=dict)

    async def serve(self, stream: Stream, *, request: str) -> None:
        """Answer one request, `forward:…`, `killforward:…`, `killforward-all` or `list-forward`."""
        try:
            answer = await self._answer(request)
        except _Failed as error:
            answer = b"FAIL" + _block(str(error))
        await stream.write(answer)

    def close(self) -> None:
        """Stop to listen on all ports; what is connected already goes on."""
        for listener in self._listeners.values():
            listener.server.close()
        self._listeners.clear()

    async def _answer(self, request: str) -> bytes:
        what, _, rest = request.partition(":")
        if what == "list-forward":
            # A device calls its connection `host-N`; who asks ignores the name.
            each = self._listeners.items()
            return _block("".join(f"host-1 {local} {one.remote}\n" for local, one in each))
        if what == "killforward-all":
            self.close()
            return b"OKAY"
        if what == "killforward":
            self._remove(rest)
            return b"OKAY"
        if what == "forward":
            return b"OKAY" + await self._add(rest)
        raise _Failed(f"unknown request {request!r}")

    def _remove(self, local: str) -> None:
        listener = self._listeners.pop(local, None)
        if listener is None:
            raise _Failed(f"listener '{local}' not found")
        listener.server.close()

    async def _add(self, request: str) -> bytes:
        local, _, remote = request.removeprefix(_NO_REBIND).partition(";")
        if not local or not remote:
            raise _Failed(f"bad forward: {request}")
        known = self._listeners.get(local)
        if known is not None:
            if request.startswith(_NO_REBIND):
                raise _Failed("cannot rebind existing socket")
            known.remote = remote
            return b""
        try:
            listening = sockets.listen(local, self.prefix)
        except (OSError, ValueError) as error:
            raise _Failed(f"cannot bind listener: {error}") from error
        port = listening.getsockname()[1] if local == "tcp:0" else None
        await self._accept(f"tcp:{port}" if port else local, listening, remote)
        return _block(str(port)) if port else b""

    async def _accept(self, local: str, listening: socket.socket, remote: str) -> None:
        def connected(reader: StreamReader, writer: StreamWriter) -> None:
            self.reach(self._listeners[local].remote, reader, writer)

        server = await asyncio.start_server(connected, sock=listening)
        self._listeners[local] = _Listener(remote, server)


def _block(text: str) -> bytes:
    data = text.encode()
    return b"%04x" % len(data) + data
