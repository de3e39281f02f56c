"""Taking, renewing and giving back a lease.

It is renewed between runs, never by a clock: a phone is not asked anything while a run is timed.
So each renewal is for as long as a run may take, and a harness that was killed keeps a phone from
other hosts for that long; on its own host its lease is known to be void at once.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from harness.errors import HarnessError, TargetLost, TargetUnfit
from harness.transports.adb import AdbDevice
from harness.transports.phone_lease.host_lock import locked_by, try_lock
from harness.transports.phone_lease.marker import Holder, Marker, ask, file_of

MARGIN_S = 900.0
"""How long a lease lasts beyond what its holder says that it needs: waiting for a phone to cool
down, and reaching one that went away, come before a run."""

_HINT = (
    "wait until it ends, or use another phone: `device: {any: TAG}` takes one that is free; "
    "`edgebench devices` shows every lease"
)


@dataclass(slots=True)
class _Held:
    """A lease of this process: the targets of one lane share it."""

    thread: int
    token: str
    unlock: Callable[[], None]
    users: int = 1


_ours: dict[str, _Held] = {}
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class PhoneLease:
    """A lease that this process has; `note` says what was taken over, '' if nothing was.

    One thread calls it. It speaks to the device over a connection that `interrupt` spares.
    """

    bench: str
    note: str
    _device: AdbDevice = field(repr=False)
    _file: str

    def renew(self, needed_s: float) -> None:
        """Keep the phone for what the next run may take, in seconds.

        Raises:
            TargetLost: another harness has it now (kind `leased`), or the device went away.
        """
        held = _ours[self.bench]
        arguments = (held.token, Holder.ourselves().text, _seconds(needed_s))
        said = ask(self._device, "renew", self._file, *arguments)
        if said.word == "free":
            # Somebody emptied our folder on the device; the phone is still nobody else's.
            said = ask(self._device, "take", self._file, *arguments)
        if said.word not in {"renewed", "taken"}:
            raise TargetLost(f"the lease was lost: {_whose(said)}", hint=_HINT, kind="leased")

    def release(self) -> None:
        """Give the phone back; nothing is raised, for the lease ends by itself."""
        with _guard:
            held = _ours[self.bench]
            held.users -= 1
            if held.users:
                return
            del _ours[self.bench]
        try:
            with suppress(HarnessError):
                ask(self._device, "release", self._file, held.token)
        finally:
            held.unlock()


def take_lease(device: AdbDevice, root: str, bench: str, *, needed_s: float) -> PhoneLease:
    """Lease a phone, or share what this thread has already.

    `root` is the harness's folder on the device, `needed_s` how long the phone is needed at
    first. A marker whose owner has ended is taken over.

    Raises:
        TargetUnfit: somebody else has it (kind `leased`), or the device cannot be written.
        TargetLost: the device went away.
    """
    file = file_of(root)
    with _guard:
        held = _ours.get(bench)
        if held is not None:
            if held.thread != threading.get_ident():
                raise _leased("another lane of this session has it")
            held.users += 1
            return PhoneLease(bench, "", device, file)
        unlock = try_lock(bench)
        if unlock is None:
            raise _leased(f"another edgebench on this machine has it (process {locked_by(bench)})")
        _ours[bench] = _Held(threading.get_ident(), secrets.token_hex(8), unlock)
    try:
        note = _mark(device, file, _ours[bench].token, needed_s)
    except BaseException:
        with _guard:
            del _ours[bench]
        unlock()
        raise
    return PhoneLease(bench, note, device, file)


def _mark(device: AdbDevice, file: str, token: str, needed_s: float) -> str:
    arguments = (token, Holder.ourselves().text, _seconds(needed_s))
    said = ask(device, "take", file, *arguments)
    if said.word == "leased" and said.holder.is_gone:
        said = ask(device, "take", file, *arguments, said.token)
    if said.word == "taken":
        return ""
    if said.word == "taken-over":
        why = "whose process has ended" if said.left_s > 0 else "which had expired"
        return f"took over the lease of {said.holder.machine}, {why}"
    raise _leased(_whose(said)) if said.word == "leased" else _unwritable(file)


def _whose(said: Marker) -> str:
    if said.word != "leased":
        return "its marker on the device cannot be written"
    return f"{said.holder.machine} has it until {said.until} at most"


def _leased(who: str) -> TargetUnfit:
    return TargetUnfit(f"the phone is leased: {who}", hint=_HINT, kind="leased")


def _unwritable(file: str) -> TargetUnfit:
    return TargetUnfit(
        f"the phone cannot be leased: {file} cannot be written",
        hint="check the space and the permissions there: `adb shell ls -ld /data/local/tmp`",
    )


def _seconds(needed_s: float) -> str:
    return str(round(needed_s + MARGIN_S))
