"""One piece in flight each way: what a stream sends waits for the word that it was taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual_device.packets import CLSE, OKAY, WRTE, Packet
from harness.virtual_device.streams import Stream

Scene = Callable[[Stream, list[Packet]], Awaitable[None]]


def play(scene: Scene, max_payload: int = 4) -> list[Packet]:
    sent: list[Packet] = []

    async def run() -> None:
        await scene(Stream(1, 2, sent.append, max_payload), sent)

    asyncio.run(run())
    return sent


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_piece_waits_until_the_one_before_was_taken() -> None:
    async def scene(stream: Stream, sent: list[Packet]) -> None:
        writing = asyncio.create_task(stream.write(b"abcdefghij"))
        for count in (1, 2, 3):
            await settle()
            assert len(sent) == count
            stream.acknowledged()
        await writing

    assert play(scene) == [Packet(WRTE, 1, 2, piece) for piece in (b"abcd", b"efgh", b"ij")]


def test_the_end_waits_until_the_last_piece_was_taken() -> None:
    async def scene(stream: Stream, sent: list[Packet]) -> None:
        await stream.write(b"abc")
        closing = asyncio.create_task(stream.close())
        await settle()
        assert [packet.command for packet in sent] == [WRTE]
        stream.acknowledged()
        await closing

    assert play(scene)[-1] == Packet(CLSE, 1, 2)


def test_the_other_side_may_send_more_only_when_its_piece_was_taken() -> None:
    async def scene(stream: Stream, sent: list[Packet]) -> None:
        stream.received(b"abc")
        await settle()
        assert sent == []
        assert await stream.read() == b"abc"

    assert play(scene) == [Packet(OKAY, 1, 2)]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=9), max_size=8), st.data())
def test_what_is_read_is_what_came_however_it_is_asked_for(
    pieces: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(pieces)

    async def scene(stream: Stream, sent: list[Packet]) -> None:
        for piece in pieces:
            stream.received(piece)
        read = bytearray()
        while len(read) < len(whole):
            count = data.draw(st.integers(0, len(whole) - len(read)))
            read += await stream.read_exactly(count) if count else await stream.read()
        assert read == whole
        assert sent == [Packet(OKAY, 1, 2)] * len(pieces)

    play(scene)
