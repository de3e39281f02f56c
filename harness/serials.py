"""A phone's serial names its owner: results hold its hash, messages its first letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256

from harness.errors import HarnessError


def hashed(serial: str) -> str:
    """Return the eight hexadecimal digits that stand for a serial in results."""
    return sha256(serial.encode()).hexdigest()[:8]


_SEEN_FROM_ITS_HOST = re.compile(r"emulator-\d+|(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def bench_of(serial: str, host: str | None = None) -> str:
    """Return the bench that a phone is, by whatever name and through whatever server it is met.

    A serial is one phone's, but for those that say where its adb server's host sees it
    (`emulator-5554`, `127.0.0.1:5555`): there the host belongs to it, unless it is this one.
    """
    far = host is not None and host not in _LOOPBACK
    named = f"{serial}@{host}" if far and _SEEN_FROM_ITS_HOST.fullmatch(serial) else serial
    return f"phone:{hashed(named)}"


def masked(serial: str) -> str:
    """Return enough of a serial for its owner to recognise it."""
    return f"{serial[:3]}…"


@contextmanager
def masking(serials: Iterable[str]) -> Iterator[None]:
    """Mask these serials in every error that passes, since errors are stored with results."""
    try:
        yield
    except HarnessError as error:
        for serial in serials:
            for field in ("message", "hint", "where"):
                setattr(error, field, getattr(error, field).replace(serial, masked(serial)))
        raise
