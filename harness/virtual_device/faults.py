"""The misbehaviour of a virtual device, played on the streams and connections it has.

A device has one `Script` for its whole life: moments are counted over all its connections.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.transports.adb.shell_v2 import Kind, ShellDecoder, ShellPacket, encode
from harness.transports.virtual_setup import (
    CableCut,
    Dribbles,
    Fault,
    Greets,
    Hangs,
    Moment,
    SaysInstead,
    WritesFail,
)
from harness.virtual_device.streams import Send, Stream

_READY = "device"


class Script:
    """What of a device's faults is still to come."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self.faults = faults
        self.struck: CableCut | None = None
        self._connections = 0
        self._opened = [0] * len(faults)
        self._taken_bytes = 0

    def greeting(self) -> str:
        """Return the state in which the device answers its next connection."""
        self._connections += 1
        for fault in self.faults:
            if isinstance(fault, Greets) and (
                fault.connections is None or self._connections <= fault.connections
            ):
                return fault.state
        return _READY

    def stream(
        self, service: str, local: int, remote: int, send: Send, most: int, cut: Callable[[], None]
    ) -> Stream:
        """Return the stream of a service that was just opened, spoilt if its moment has come.

        `cut` ends the connection at once.
        """
        for index, fault in enumerate(self.faults):
            if isinstance(fault, CableCut | Hangs) and fault.at.service in service:
                self._opened[index] += 1
        spoils = _Spoils(
            strikes=[
                _Strike(fault, fault.at)
                for index, fault in enumerate(self.faults)
                if isinstance(fault, CableCut | Hangs)
                and fault.at.service in service
                and self._opened[index] == fault.at.nth
            ],
            changes=[
                fault
                for fault in self.faults
                if isinstance(fault, SaysInstead | Dribbles) and fault.service in service
            ],
        )
        if not spoils.strikes and not spoils.changes:
            return Stream(local, remote, send, most)

        def strike(fault: CableCut) -> None:
            self.struck = fault
            cut()

        return SpoiltStream(local, remote, send, most, spoils, strike)

    def take(self, count: int) -> None:
        """Count bytes that a push is about to write; raises `OSError` where they are refused."""
        self._taken_bytes += count
        for fault in self.faults:
            if isinstance(fault, WritesFail) and self._taken_bytes > fault.after_bytes:
                number = getattr(errno, fault.error)
                raise OSError(number, os.strerror(number))


@dataclass(slots=True)
class _Strike:
    fault: CableCut | Hangs
    at: Moment


@dataclass(slots=True)
class _Spoils:
    """What goes wrong on one stream."""

    strikes: list[_Strike]
    changes: list[SaysInstead | Dribbles]
    received_bytes: int = 0
    said: bytearray = field(default_factory=bytearray)


class SpoiltStream(Stream):
    """A stream on which something goes wrong."""

    def __init__(
        self,
        local: int,
        remote: int,
        send: Send,
        max_payload: int,
        spoils: _Spoils,
        strike: Callable[[CableCut], None],
    ) -> None:
        super().__init__(local, remote, send, max_payload)
        self._spoils = spoils
        self._cut = strike
        self._stuck = False
        self._look()

    def received(self, data: bytes) -> None:
        """Let through what comes before the moment, and nothing of what comes after it."""
        before = self._spoils.received_bytes
        self._spoils.received_bytes += len(data)
        moments = [strike.at.received_bytes - before for strike in self._spoils.strikes]
        through = min([moment for moment in moments if moment > 0] + [len(data)])
        if not self._stuck:
            super().received(data[:through])
        self._look()

    async def write(self, data: bytes) -> None:
        for change in self._spoils.changes:
            if isinstance(change, SaysInstead):
                data = _changed(data, change)
        self._spoils.said += data
        for piece, pause_s in self._pieces(data):
            await asyncio.sleep(pause_s)
            if self._stuck:
                await asyncio.Event().wait()
            await super().write(piece)
        self._look()

    def _pieces(self, data: bytes) -> list[tuple[bytes, float]]:
        for change in self._spoils.changes:
            if isinstance(change, Dribbles):
                step = change.piece_bytes
                return [(data[at : at + step], change.every_s) for at in range(0, len(data), step)]
        return [(data, 0.0)]

    def _look(self) -> None:
        """Strike if a moment has come."""
        for strike in self._spoils.strikes:
            reached = self._spoils.received_bytes >= strike.at.received_bytes
            if not reached or strike.at.said.encode() not in self._spoils.said:
                continue
            if isinstance(strike.fault, Hangs):
                self._stuck = True
            else:
                self._cut(strike.fault)


def _changed(data: bytes, change: SaysInstead) -> bytes:
    """Change the words inside shell packets; a command's every piece is whole packets."""
    pattern, words = change.pattern.encode(), change.replacement.encode()
    return b"".join(
        encode(ShellPacket(packet.kind, re.sub(pattern, words, packet.payload)))
        if packet.kind in {Kind.STDOUT, Kind.STDERR}
        else encode(packet)
        for packet in ShellDecoder().feed(data)
    )
