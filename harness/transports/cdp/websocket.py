"""The door to websockets: one connection to a DevTools target, on a port of this host."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_CLOSES_WITHIN_S = 1.0


class Closed(Exception):
    """The other side ended the connection."""


def websockets_version() -> str:
    """Return the version of the library that speaks to browsers on phones."""
    return metadata.version("websockets")


class DevtoolsSocket:
    """A websocket; one thread uses it, but for `cut`, which any thread may call."""

    def __init__(self, port: int, path: str, *, within_s: float) -> None:
        """Connect.

        Raises:
            Closed: nobody answers there as a websocket does.
            TimeoutError: nobody answered in time.
        """
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        self._stack = ExitStack()
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), within_s)
            self._connection: ClientConnection = self._stack.enter_context(
                connect(
                    f"ws://127.0.0.1:{port}{path}",
                    sock=self._socket,
                    # Chrome refuses whoever sends an Origin; nothing goes over the wire while a
                    # page is timed; outputs of models are large.
                    origin=None,
                    ping_interval=None,
                    compression=None,
                    max_size=None,
                    proxy=None,
                    open_timeout=within_s,
                    close_timeout=_CLOSES_WITHIN_S,
                )
            )
        except TimeoutError:
            self._stack.close()
            raise
        except (OSError, WebSocketException) as error:
            self._stack.close()
            raise Closed(str(error)) from error

    def send(self, text: str) -> None:
        """Send a message; raises `Closed`."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(text)
        except ConnectionClosed as error:
            raise Closed(str(error)) from error

    def receive(self, within_s: float) -> str:
        """Return the next message; raises `Closed`, and TimeoutError when none came in time."""
        from websockets.exceptions import ConnectionClosed

        try:
            return str(self._connection.recv(timeout=within_s, decode=True))
        except ConnectionClosed as error:
            raise Closed(str(error)) from error

    def cut(self) -> None:
        """End the connection at once; whoever waits for a message gets `Closed`."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection; may be called twice."""
        self.cut()
        self._stack.close()
