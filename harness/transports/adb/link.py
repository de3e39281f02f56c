"""The way to one device: a connection per call, each of which any thread may interrupt."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from harness.errors import RunTimedOut
from harness.transports.adb.connection import AdbServer, Closed, Refused, Wire
from harness.transports.adb.conversation import TooMuch, Transcript
from harness.transports.adb.deadline import Deadline
from harness.transports.adb.failures import (
    ShellInterrupted,
    ShellOverflowed,
    ShellTimedOut,
    lost,
    refused,
)

_NOTHING = Transcript(0)


class _Interrupted(Exception):
    pass


class DeviceLink:
    """One serial on one adb server."""

    def __init__(self, serial: str, server: AdbServer) -> None:
        self.serial = serial
        self.server = server
        # Reentrant, for a signal handler may interrupt its own thread.
        self._lock = threading.RLock()
        self._under_way: dict[Wire, bool] = {}
        self._interrupt_next = False

    def interrupt(self) -> None:
        """End every call that is under way and not spared, else the next one."""
        with self._lock:
            if not self._under_way:
                self._interrupt_next = True
            for wire in self._under_way:
                self._under_way[wire] = True
                wire.interrupt()

    @contextmanager
    def call(
        self,
        doing: str,
        deadline: Deadline,
        *,
        transcript: Transcript = _NOTHING,
        spared: bool = False,
    ) -> Iterator[Wire]:
        """Connect to the device for one call and translate how the call ends.

        `doing` is what the call does, for people. A call that is `spared` cannot be
        interrupted.

        Raises:
            ShellInterrupted, ShellTimedOut, ShellOverflowed: with what the transcript has.
            TargetLost, TargetUnfit: the device went away, or is not ready.
        """
        try:
            with self._wire(deadline, spared=spared) as wire:
                wire.ask(f"host:transport:{self.serial}")
                yield wire
        except _Interrupted as error:
            raise self._interrupted(doing, transcript) from error
        except TimeoutError as error:
            raise self._timed_out(doing, deadline, transcript) from error
        except TooMuch as error:
            raise self._overflowed(transcript) from error
        except Refused as error:
            raise refused(self.serial, doing, str(error)) from error
        except Closed as error:
            raise lost(self.serial, doing, str(error)) from error

    @contextmanager
    def _wire(self, deadline: Deadline, *, spared: bool) -> Iterator[Wire]:
        with closing(Wire(self.server, deadline)) as wire:
            if spared:
                yield wire
                return
            self._enter(wire)
            try:
                yield wire
            except (Closed, Refused) as error:
                if self._under_way[wire]:
                    raise _Interrupted from error
                raise
            finally:
                with self._lock:
                    del self._under_way[wire]

    def _enter(self, wire: Wire) -> None:
        with self._lock:
            if self._interrupt_next:
                self._interrupt_next = False
                raise _Interrupted
            self._under_way[wire] = False

    def _timed_out(self, doing: str, deadline: Deadline, transcript: Transcript) -> RunTimedOut:
        return ShellTimedOut(
            f"{doing} did not end within {deadline.timeout_s:g} s",
            where=self.serial,
            hint="raise `timeout_s` in the suite's sampling if the device is only slow",
        ).keeping(transcript.stdout, transcript.stderr)

    def _interrupted(self, doing: str, transcript: Transcript) -> ShellInterrupted:
        return ShellInterrupted(
            f"{doing} was interrupted",
            where=self.serial,
            hint="run it again: `edgebench run --resume` with the result folder",
        ).keeping(transcript.stdout, transcript.stderr)

    def _overflowed(self, transcript: Transcript) -> ShellOverflowed:
        return ShellOverflowed(
            f"the command said more than {transcript.limit_bytes} bytes",
            where=self.serial,
            hint="look at the output that was kept: a tool stuck in a loop, or one that was "
            "built with logging switched on",
        ).keeping(transcript.stdout, transcript.stderr)
