"""Ports that lead through adb: forwards to a device's sockets, reverses to this host's ports.

The requests are those of adb's SERVICES.TXT; a forward belongs to the adb server, a reverse to
the device. Both have a second answer, behind the one that says that somebody answers.
"""

from __future__ import annotations

from contextlib import closing

from harness.errors import HarnessError, TargetUnfit
from harness.transports.adb.connection import Closed, Refused, Wire, query
from harness.transports.adb.deadline import Deadline
from harness.transports.adb.failures import lost
from harness.transports.adb.link import DeviceLink

_ANSWER_S = 10.0
_LOOK = "look at `adb forward --list` and `adb reverse --list`"


class PortTaken(TargetUnfit):
    """A port cannot be listened on."""

    kind = "port-taken"


class DevicePorts:
    """The ports of one device; a socket is named as adb does: `tcp:PORT`, `localabstract:NAME`.

    Every method raises `TargetLost` where the device is gone, and nothing interrupts them, for
    they also clean up.
    """

    def __init__(self, link: DeviceLink) -> None:
        self._link = link

    def forward(self, port: int, remote: str) -> None:
        """Have the adb server lead a port of its host to a socket of the device.

        Raises:
            PortTaken: something listens on that port.
        """
        self._of_server(f"forward:norebind:tcp:{port};{remote}")

    def remove_forward(self, port: int) -> None:
        """Remove a forward; one that is not there is an error as any other."""
        self._of_server(f"killforward:tcp:{port}")

    def forwards(self) -> tuple[tuple[str, str], ...]:
        """Return the device's forwards as (socket of the host, socket of the device)."""
        try:
            listed = query(self._link.server, "host:list-forward", timeout_s=_ANSWER_S)
        except Refused as error:
            raise lost(self._link.serial, "listing its forwards", str(error)) from error
        rows = (line.split() for line in listed.splitlines())
        return tuple(
            (row[1], row[2]) for row in rows if len(row) == 3 and row[0] == self._link.serial
        )

    def reverse(self, local: str, remote: str) -> int | None:
        """Have the device lead a socket of its own to one of the adb server's host.

        Returns the port that was chosen for `tcp:0`; None where the device tells none.

        Raises:
            PortTaken: the device cannot listen there.
        """
        said = self._of_device(f"forward:{local};{remote}", reads=local == "tcp:0")
        return int(said) if said.isdecimal() else None

    def remove_reverse(self, local: str) -> None:
        """Remove a reverse; one that is not there is an error as any other."""
        self._of_device(f"killforward:{local}")

    def reverses(self) -> tuple[tuple[str, str], ...]:
        """Return the device's reverses as (socket of the device, socket of the host)."""
        with self._link.call("listing its reverses", Deadline(_ANSWER_S), spared=True) as wire:
            wire.ask("reverse:list-forward")
            listed = wire.read_block()
        rows = (line.split() for line in listed.splitlines())
        # Devices put a name of their connection before the two.
        return tuple((row[-2], row[-1]) for row in rows if len(row) >= 2)

    def _of_server(self, request: str) -> None:
        serial = self._link.serial
        try:
            with closing(Wire(self._link.server, Deadline(_ANSWER_S))) as wire:
                wire.ask(f"host-serial:{serial}:{request}")
                _confirm(wire)
        except Refused as error:
            raise _refused(serial, request, str(error)) from error
        except (Closed, TimeoutError) as error:
            raise lost(serial, request, str(error)) from error

    def _of_device(self, request: str, *, reads: bool = False) -> str:
        serial = self._link.serial
        with self._link.call(f"reverse:{request}", Deadline(_ANSWER_S), spared=True) as wire:
            wire.ask(f"reverse:{request}")
            try:
                _confirm(wire)
            except Refused as error:
                raise _refused(serial, f"reverse:{request}", str(error)) from error
            try:
                return wire.read_block() if reads else ""
            except Closed:
                return ""  # before Android 8 a device does not tell the port that it chose


def _confirm(wire: Wire) -> None:
    """Read the second answer; raises `Refused` with its reason."""
    word = wire.read_exactly(4)
    if word == b"FAIL":
        raise Refused(wire.read_block())
    if word != b"OKAY":
        raise Closed(f"unknown answer {word!r}")


def _refused(serial: str, request: str, message: str) -> HarnessError:
    if "cannot bind" in message or "cannot rebind" in message:
        return PortTaken(f"{request}: {message}", where=serial, hint=_LOOK)
    if "listener" in message and "not found" in message:
        return TargetUnfit(f"{request}: {message}", where=serial, hint=_LOOK, kind="no-such-port")
    return lost(serial, request, message)
