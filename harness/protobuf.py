"""The wire format of protocol buffers, as far as files here need it: read safely, and written.

Encoding: https://protobuf.dev/programming-guides/encoding. A message is a list of fields in the
order of its bytes; what a field means is for whoever knows its schema. The protobuf package
would be a dependency of everybody, with compiled schemas.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TypeAlias

_VARINT, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 70

Buffer: TypeAlias = bytes | memoryview
Value: TypeAlias = int | float | bytes


class Damaged(ValueError):
    """The bytes are no whole message; the message says what is wrong."""


def fields(data: Buffer) -> Iterator[tuple[int, Value]]:
    """Yield number and value of each field: a varint, a float of 4 or 8 bytes, or bytes.

    Raises:
        Damaged: the message is cut, or has a wire type that this format does not have.
    """
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise Damaged("a field has the number 0")
        value: Value
        if wire == _VARINT:
            value, at = _read_varint(data, at)
        elif wire == _DELIMITED:
            length, at = _read_varint(data, at)
            value, at = _taken(data, at, length), at + length
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            width = 8 if wire == _EIGHT_BYTES else 4
            code = "<d" if wire == _EIGHT_BYTES else "<f"
            value, at = struct.unpack(code, _taken(data, at, width))[0], at + width
        else:
            raise Damaged(f"there is no wire type {wire}")
        yield number, value


def integer(number: int, value: int) -> bytes:
    """Return a field that is a whole number; a negative one as 64 bits of two's complement."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def integers(number: int, values: Iterable[int]) -> bytes:
    """Return a field that is repeated, one whole number each."""
    return b"".join(integer(number, value) for value in values)


def float32(number: int, value: float) -> bytes:
    """Return a field that is a float of 4 bytes."""
    return _varint(number << 3 | _FOUR_BYTES) + struct.pack("<f", value)


def delimited(number: int, data: bytes) -> bytes:
    """Return a field that is bytes, or a message that was put together before."""
    return _varint(number << 3 | _DELIMITED) + _varint(len(data)) + data


def text(number: int, words: str) -> bytes:
    """Return a field that is a text."""
    return delimited(number, words.encode())


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _read_varint(data: Buffer, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _LONGEST_VARINT, 7):
        if at >= len(data):
            raise Damaged("it is cut in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Damaged("a number is longer than any that is written")


def _taken(data: Buffer, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise Damaged(f"it is cut: {at + length - len(data)} bytes are missing")
    return bytes(data[at : at + length])
