"""Commands on the device: the services `shell`, `shell,v2` and `exec`.

There is no terminal: window sizes and the `pty` word are ignored. As on a phone, a stream stays
open until every process that holds the command's stdout or stderr has let go of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio import StreamReader
from asyncio.subprocess import PIPE, STDOUT, Process, SubprocessStreamProtocol
from contextlib import suppress

from harness.transports.adb.shell_v2 import Kind, ShellDecoder, ShellPacket, encode
from harness.virtual_device.sandbox import Sandbox
from harness.virtual_device.streams import Stream

_PIECE = 64 * 1024


async def serve_shell(stream: Stream, *, service: bytes, sandbox: Sandbox, python: str) -> None:
    """Run one command in a process group of its own, which ends when the stream does."""
    name, _, command = service.partition(b":")
    v2 = b"v2" in name.split(b",")
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=_PIECE, loop=loop),
        "/bin/sh",
        *(["-c", command] if command else []),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE if v2 else STDOUT,
        cwd=sandbox.root,
        env=sandbox.environment(python),
        start_new_session=True,
    )
    process = Process(transport, protocol, loop)
    feeding = asyncio.create_task(_feed(stream, process, v2=v2))
    try:
        await _collect(stream, process, v2=v2)
    finally:
        feeding.cancel()
        # Also what the command left behind in the background; a tool that went into a
        # session of its own stays, as on a phone.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        transport.close()


async def _collect(stream: Stream, process: Process, *, v2: bool) -> None:
    assert process.stdout is not None
    pumps = [_pump(process.stdout, stream, Kind.STDOUT if v2 else None)]
    if process.stderr is not None:
        pumps.append(_pump(process.stderr, stream, Kind.STDERR))
    await asyncio.gather(*pumps)
    assert process.stdin is not None
    process.stdin.close()
    code = await process.wait()
    if v2:
        exit_code = code if code >= 0 else 128 - code
        await stream.write(encode(ShellPacket(Kind.EXIT, bytes([exit_code]))))


async def _pump(source: StreamReader, stream: Stream, kind: Kind | None) -> None:
    while data := await source.read(_PIECE):
        await stream.write(data if kind is None else encode(ShellPacket(kind, data)))


async def _feed(stream: Stream, process: Process, *, v2: bool) -> None:
    """Give the command its stdin; a command that does not want it is no error."""
    decoder = ShellDecoder()
    stdin = process.stdin
    assert stdin is not None
    while True:
        data = await stream.read()
        packets = decoder.feed(data) if v2 else [ShellPacket(Kind.STDIN, data)]
        for packet in packets:
            if packet.kind == Kind.CLOSE_STDIN:
                stdin.close()
            elif packet.kind == Kind.STDIN and not stdin.is_closing():
                with suppress(ConnectionError):
                    stdin.write(packet.payload)
                    await stdin.drain()
