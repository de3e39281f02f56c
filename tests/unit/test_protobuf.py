"""The wire format of protocol buffers: what is written is read back, and damage is told."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protobuf import Damaged, delimited, fields, integer, integers, text

NUMBERS = st.integers(1, 2**29 - 1)
VALUES = st.integers(0, 2**64 - 1) | st.binary(max_size=40)


def encoded(number: int, value: int | bytes) -> bytes:
    return integer(number, value) if isinstance(value, int) else delimited(number, value)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, VALUES), max_size=8))
def test_what_is_written_is_read_back_in_order(given_: list[tuple[int, int | bytes]]) -> None:
    assert list(fields(b"".join(encoded(*field) for field in given_))) == given_


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_damaged(data: bytes) -> None:
    try:
        found = list(fields(data))
    except Damaged:
        return
    assert all(number > 0 for number, _ in found)


@settings(deadline=None)
@given(st.tuples(NUMBERS, st.binary(min_size=1, max_size=40)), st.data())
def test_a_field_that_is_cut_is_never_read(field: tuple[int, bytes], data: st.DataObject) -> None:
    whole = delimited(*field)
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(Damaged, match="cut"):
        list(fields(whole[:cut]))


def test_known_encodings_of_the_format_s_own_documentation() -> None:
    assert integer(1, 150) == bytes.fromhex("089601")
    assert text(2, "testing") == bytes.fromhex("120774657374696e67")
    assert integers(4, [3, 270]) == bytes.fromhex("2003208e02")
    assert integer(1, -2) == bytes.fromhex("08feffffffffffffffff01")


def test_floats_of_both_widths_are_read() -> None:
    data = (
        bytes([1 << 3 | 5]) + struct.pack("<f", 0.5) + bytes([2 << 3 | 1]) + struct.pack("<d", 0.1)
    )
    assert list(fields(data)) == [(1, 0.5), (2, 0.1)]
