"""The packets of the shell protocol: what is encoded is decoded, however the bytes were split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.transports.adb.conversation import TooMuch, Transcript
from harness.transports.adb.shell_v2 import Kind, ShellDecoder, ShellPacket, encode

packets = st.builds(ShellPacket, st.integers(0, 255), st.binary(max_size=100))


@settings(deadline=None)
@given(st.lists(packets, max_size=8), st.integers(1, 50))
def test_shell_packets_survive_any_split_of_the_bytes(sent: list[ShellPacket], size: int) -> None:
    stream = b"".join(encode(packet) for packet in sent)
    decoder = ShellDecoder()
    received: list[ShellPacket] = []
    for at in range(0, len(stream), size):
        received += decoder.feed(stream[at : at + size])
    assert received == sent


def test_the_layout_is_kind_then_little_endian_length() -> None:
    assert encode(ShellPacket(Kind.EXIT, b"\x7f")) == b"\x03\x01\x00\x00\x00\x7f"


def test_a_length_that_no_adb_sends_is_damage() -> None:
    with pytest.raises(ValueError, match="4294967295"):
        list(ShellDecoder().feed(b"\x01\xff\xff\xff\xff"))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([Kind.STDOUT, Kind.STDERR]), st.binary(max_size=40))),
    st.integers(0, 100),
)
def test_a_transcript_keeps_the_beginning_and_says_when_it_is_full(
    said: list[tuple[Kind, bytes]], limit: int
) -> None:
    transcript = Transcript(limit)
    total = 0
    for kind, payload in said:
        total += len(payload)
        try:
            transcript.add(ShellPacket(kind, payload))
        except TooMuch:
            assert total > limit
            assert len(transcript.stdout) + len(transcript.stderr) == limit
            return
    assert total <= limit
    for kind, kept in ((Kind.STDOUT, transcript.stdout), (Kind.STDERR, transcript.stderr)):
        assert kept == b"".join(payload for each, payload in said if each == kind)
