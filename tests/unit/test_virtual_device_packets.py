"""The adb packets: what is encoded is decoded, however the bytes were split; damage is seen."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual_device.packets import (
    CNXN,
    MAX_PAYLOAD,
    WRTE,
    Packet,
    PacketDecoder,
    ProtocolError,
    encode,
)

words = st.integers(0, 2**32 - 1)
packets = st.builds(Packet, words, words, words, st.binary(max_size=200))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@settings(deadline=None)
@given(st.lists(packets, max_size=6), st.lists(st.integers(0, 10_000)), st.booleans())
def test_packets_survive_any_split_of_the_bytes(
    sent: list[Packet], cuts: list[int], summed: bool
) -> None:
    decoder = PacketDecoder()
    decoder.summed = summed
    stream = b"".join(encode(packet, summed=summed) for packet in sent)
    received = [packet for piece in pieces(stream, cuts) for packet in decoder.feed(piece)]
    assert received == sent


def test_the_layout_is_that_of_a_real_adb_server() -> None:
    # As adb 36 greets a device: command, version, largest payload, length, sum, inverse.
    payload = b"host::features=shell_v2"
    expected = struct.pack("<4sIIII", b"CNXN", 0x01000001, 0x100000, len(payload), sum(payload))
    expected += bytes(byte ^ 0xFF for byte in b"CNXN") + payload
    assert encode(Packet(CNXN, 0x01000001, 0x100000, payload), summed=True) == expected


@settings(deadline=None)
@given(packets.filter(lambda packet: packet.payload), st.data())
def test_a_damaged_payload_is_seen_while_sums_are_checked(
    packet: Packet, data: st.DataObject
) -> None:
    stream = bytearray(encode(packet, summed=True))
    at = data.draw(st.integers(24, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ProtocolError):
        list(PacketDecoder().feed(bytes(stream)))


@settings(deadline=None)
@given(packets, st.integers(0, 3), st.integers(1, 255))
def test_a_damaged_command_is_seen(packet: Packet, at: int, flip: int) -> None:
    stream = bytearray(encode(packet, summed=True))
    stream[at] ^= flip
    with pytest.raises(ProtocolError):
        list(PacketDecoder().feed(bytes(stream)))


def test_a_payload_larger_than_agreed_is_refused_before_it_is_awaited() -> None:
    header = encode(Packet(WRTE, 1, 1, b""), summed=False)
    header = header[:12] + struct.pack("<I", MAX_PAYLOAD + 1) + header[16:]
    with pytest.raises(ProtocolError):
        list(PacketDecoder().feed(header))


def test_sums_stop_being_checked_in_the_middle_of_one_read() -> None:
    decoder = PacketDecoder()
    greeting = encode(Packet(CNXN, 0x01000001, MAX_PAYLOAD, b"host::"), summed=True)
    unsummed = encode(Packet(WRTE, 1, 2, b"data"), summed=False)
    received = []
    for packet in decoder.feed(greeting + unsummed):
        decoder.summed = False
        received.append(packet.command)
    assert received == [CNXN, WRTE]
