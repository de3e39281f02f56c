"""Reads flatbuffers without copying them, and never outside of them.

The generated Python code trusts its bytes: there is no verifier, and a damaged offset makes it
read from the far end of the file. Here every access is checked against the end of the buffer.
Layout: https://flatbuffers.dev/internals (little-endian; offsets are relative to where they
stand; a table begins with the distance back to its vtable).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

Buffer = bytes | bytearray | memoryview
_ALIGNMENT = 4


class Damaged(ValueError):
    """The bytes are no whole flatbuffer; the message says what is wrong, and where."""


@dataclass(slots=True)
class Extent:
    """How far into the buffer anything that was read reaches, in bytes."""

    size: int
    end: int = 0

    def claim(self, position: int, length: int, what: str) -> None:
        """Note that bytes are part of the buffer.

        Raises:
            Damaged: they are not all inside it.
        """
        if position < 0 or length < 0 or position + length > self.size:
            raise Damaged(
                f"{what} at byte {position} with {length} bytes is outside of the "
                f"{self.size} bytes of the file"
            )
        self.end = max(self.end, position + length)

    def check_whole(self) -> None:
        """Check that the buffer was not cut: its writer rounds its length up to 4 bytes.

        Raises:
            Damaged: bytes are missing at the end.
        """
        if self.size < self.end + -self.end % _ALIGNMENT:
            raise Damaged(f"the file ends after {self.size} bytes, in the middle of its padding")


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector: where its first element is, and how many there are."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table of fields; fields are named by their place in the vtable, as `schema.fbs` numbers."""

    data: Buffer = field(repr=False)
    extent: Extent = field(repr=False)
    position: int
    what: str
    vtable: int
    vtable_bytes: int

    @classmethod
    def at(cls, data: Buffer, extent: Extent, position: int, what: str) -> Table:
        """Return the table that begins at a position.

        Raises:
            Damaged: it, or its vtable, does not lie in the buffer.
        """
        back = _unpack("<i", data, extent, position, what)
        vtable = position - back
        length = _unpack("<H", data, extent, vtable, f"the vtable of {what}")
        inline = _unpack("<H", data, extent, vtable + 2, f"the vtable of {what}")
        if length < 4 or length % 2 or inline < 4:
            raise Damaged(f"the vtable of {what} at byte {vtable} has impossible lengths")
        extent.claim(vtable, length, f"the vtable of {what}")
        extent.claim(position, inline, what)
        return cls(data, extent, position, what, vtable, length)

    @classmethod
    def root(cls, data: Buffer, extent: Extent, what: str) -> Table:
        """Return the table that a buffer begins with; raises `Damaged`."""
        return cls.at(data, extent, _unpack("<I", data, extent, 0, "the root"), what)

    def number(self, index: int, code: str, default: int = 0) -> int:
        """Return a scalar field in the code of `struct`; raises `Damaged`."""
        place = self._place(index)
        if not place:
            return default
        return _unpack("<" + code, self.data, self.extent, place, self._field(index))

    def table(self, index: int, what: str) -> Table | None:
        """Return a field that is a table, None if it is absent; raises `Damaged`."""
        place = self._place(index)
        return self._table_at(place, what) if place else None

    def text(self, index: int) -> str:
        """Return a field that is a string, '' if it is absent; raises `Damaged`."""
        found = self.vector(index, 1)
        if found is None:
            return ""
        raw = bytes(self.data[found.start : found.start + found.length])
        return raw.decode("utf-8", errors="replace")

    def vector(self, index: int, element_bytes: int) -> Vector | None:
        """Return where a field that is a vector lies, None if it is absent; raises `Damaged`."""
        place = self._place(index)
        if not place:
            return None
        what = self._field(index)
        start = place + _unpack("<I", self.data, self.extent, place, what)
        length = _unpack("<I", self.data, self.extent, start, what)
        self.extent.claim(start + 4, length * element_bytes, what)
        return Vector(start + 4, length)

    def numbers(self, index: int, code: str = "i") -> tuple[int, ...]:
        """Return a field that is a vector of scalars, () if it is absent; raises `Damaged`."""
        found = self.vector(index, struct.calcsize("<" + code))
        if found is None:
            return ()
        return struct.unpack_from(f"<{found.length}{code}", self.data, found.start)

    def tables(self, index: int, what: str) -> Iterator[Table]:
        """Return the tables of a field that is a vector of them; raises `Damaged`."""
        found = self.vector(index, 4)
        if found is not None:
            for number in range(found.length):
                yield self._table_at(found.start + 4 * number, f"{what} {number}")

    def _table_at(self, place: int, what: str) -> Table:
        distance = _unpack("<I", self.data, self.extent, place, what)
        return Table.at(self.data, self.extent, place + distance, what)

    def _place(self, index: int) -> int:
        entry = 4 + 2 * index
        if entry >= self.vtable_bytes:
            return 0
        inside = _unpack("<H", self.data, self.extent, self.vtable + entry, self._field(index))
        return self.position + inside if inside else 0

    def _field(self, index: int) -> str:
        return f"field {index} of {self.what}"


def _unpack(code: str, data: Buffer, extent: Extent, position: int, what: str) -> int:
    extent.claim(position, struct.calcsize(code), what)
    value: int = struct.unpack_from(code, data, position)[0]
    return value
