"""A phone's serial names its owner: results hold its hash, messages its first letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256

from harness.errors import HarnessError


def hashed(serial: str) -> str:
    """Return the eight hexadecimal digits that stand for a serial in results."""
    return sha256(serial.encode()).hexdigest()[:8]


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
