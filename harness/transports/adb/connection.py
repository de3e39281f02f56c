"""The door to adbutils: one connection to an adb server, with a deadline over all of it.

adbutils' own `shell2` and `sync` bound each read instead of the call, cap nothing, and ignore
that a socket with a timeout may send less than it was given; so only its connections and the
server's framing are used. No other module imports it.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, TargetNotFound
from harness.transports.adb.deadline import Deadline

_LONGEST_COMMAND = 0x8000  # sent in one piece by adbutils; the protocol itself ends at 0xFFFF


class Closed(Exception):
    """The peer ended the connection; the message is the operating system's, or ''."""


class Refused(Exception):
    """The adb server answered FAIL with this message."""


@dataclass(frozen=True, slots=True)
class AdbServer:
    """Where an adb server listens."""

    port: int
    host: str = "127.0.0.1"

    @property
    def label(self) -> str:
        return f"the adb server at {self.host}:{self.port}"


def user_server() -> AdbServer:
    """Return the user's own adb server: `$ANDROID_ADB_SERVER_PORT`, else port 5037.

    Raises:
        TargetNotFound: the variable is not a port.
    """
    named = os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
    if not named.isdecimal() or not 0 < int(named) < 65536:
        raise TargetNotFound(
            f"ANDROID_ADB_SERVER_PORT is {named!r}, which is not a port",
            hint="unset it to use port 5037",
        )
    return AdbServer(int(named))


@functools.cache
def _connection_class() -> type[Any]:
    import adbutils

    class Connection(adbutils.AdbConnection):  # type: ignore[misc]  # adbutils has no types
        def __init__(self, server: AdbServer, timeout_s: float) -> None:
            self._target = (server.host, server.port), timeout_s
            super().__init__(server.host, server.port)

        def _safe_connect(self) -> socket.socket:
            # adbutils would run `adb start-server` here, on whatever port adb prefers, and
            # leave its own socket open when nobody listens.
            return socket.create_connection(*self._target)

    return Connection


class Wire:
    """A connection to an adb server; every method keeps the one deadline of the call.

    Raises, from every method: TimeoutError, `Closed`, `Refused`.
    """

    def __init__(self, server: AdbServer, deadline: Deadline) -> None:
        self._deadline = deadline
        with _translated():
            self._connection = _connection_class()(server, deadline.remaining_s())

    @property
    def deadline(self) -> Deadline:
        return self._deadline

    @property
    def socket(self) -> socket.socket:
        """Return the socket, its timeout set to what is left of the deadline."""
        found: socket.socket = self._connection.conn
        found.settimeout(self._deadline.remaining_s())
        return found

    def ask(self, command: str) -> None:
        """Send a command to the server and wait for its OKAY.

        Raises:
            ValueError: it would end the server, which is never ours to end, or is too long.
        """
        if command.startswith("host:kill"):
            raise ValueError("the adb server serves others too and is never ended")
        if len(command.encode()) > _LONGEST_COMMAND or "\0" in command:
            raise ValueError(f"adb cannot carry this command: {command[:80]!r}…")
        with _translated():
            _ = self.socket
            self._connection.send_command(command)
            self._connection.check_okay()

    def read_block(self) -> str:
        """Read a text that begins with its length."""
        with _translated():
            _ = self.socket
            return str(self._connection.read_string_block())

    def read_exactly(self, count: int) -> bytes:
        """Read `count` bytes, however slowly they come."""
        parts = bytearray()
        with _translated():
            while len(parts) < count:
                part = self.socket.recv(count - len(parts))
                if not part:
                    raise EOFError
                parts += part
        return bytes(parts)

    def read_some(self, most: int) -> bytes:
        """Read what there is, at least one byte."""
        with _translated():
            part = self.socket.recv(most)
            if not part:
                raise EOFError
        return part

    def send(self, data: bytes) -> None:
        """Send everything."""
        with _translated():
            self.socket.sendall(data)

    def send_some(self, data: memoryview) -> int:
        """Send what fits and return how many bytes that was."""
        with _translated():
            return self.socket.send(data)

    def interrupt(self) -> None:
        """Make the call under way end at once, from any thread."""
        try:
            self._connection.conn.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def close(self) -> None:
        self._connection.conn.close()


@contextmanager
def _translated() -> Iterator[None]:
    from adbutils.errors import AdbError, AdbTimeout

    try:
        yield
    except (AdbTimeout, TimeoutError) as error:
        raise TimeoutError from error
    except AdbError as error:
        # adbutils words the end of a connection as an answer of the server.
        ended = str(error) == "connection closed" or str(error).startswith("Unknown data")
        raise (Closed if ended else Refused)(str(error)) from error
    except (EOFError, OSError, ValueError) as error:
        raise Closed(str(error)) from error


def query(server: AdbServer, command: str, *, timeout_s: float) -> str:
    """Ask the adb server itself and return its answer.

    Raises:
        TargetNotFound: nothing, or something that is no adb server, answers there.
        Refused: the server answered FAIL.
    """
    try:
        with closing(Wire(server, Deadline(timeout_s))) as wire:
            wire.ask(command)
            return wire.read_block()
    except (Closed, TimeoutError) as error:
        raise no_server(server, str(error)) from error


def no_server(server: AdbServer, detail: str) -> HarnessError:
    """Return the error for an adb server that does not answer."""
    return TargetNotFound(
        f"{server.label} does not answer" + (f": {detail}" if detail else ""),
        hint="run `adb start-server`; if another program has that port, end it",
    )
