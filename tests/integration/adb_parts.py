"""The real adb, and virtual devices behind it, for the tests that need them."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import TargetNotFound
from harness.transports.adb import AdbDevice, AdbServer, find_adb
from harness.virtual_device import private_server, sandbox
from harness.virtual_device.daemon import Daemon, accept_one


def needed_adb() -> Path:
    """Return the adb program; where there is none, fail in CI and skip elsewhere."""
    try:
        return find_adb()
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")


@contextmanager
def device_in_this_process(folder: Path) -> Iterator[tuple[AdbDevice, sandbox.Sandbox]]:
    """A virtual device whose daemon runs in a thread here, where a test can spoil its parts."""
    with devices_in_this_process(folder, 1) as (one,):
        yield one


@contextmanager
def devices_in_this_process(
    folder: Path, count: int
) -> Iterator[tuple[tuple[AdbDevice, sandbox.Sandbox], ...]]:
    """Several such devices behind one adb server, all of one model."""
    folder.mkdir()
    server = private_server.start(needed_adb(), folder)
    threads: list[threading.Thread] = []

    def started(name: str) -> tuple[AdbDevice, sandbox.Sandbox]:
        made = sandbox.make(folder / name)
        listener = private_server.listen()

        async def serve() -> None:
            daemon = await accept_one(
                listener, lambda _: True, lambda: Daemon(made, sys.executable)
            )
            await daemon.ended.wait()
            await daemon.finish()

        port = listener.getsockname()[1]
        threads.append(threading.Thread(target=lambda: asyncio.run(serve())))
        threads[-1].start()
        return AdbDevice(private_server.connect(server, port), AdbServer(server.port)), made

    try:
        yield tuple(started(f"device-{number}") for number in range(count))
    finally:
        server.process.kill()
        server.process.wait()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def ends(condition: Callable[[], bool], within_s: float = 20) -> bool:
    """Wait until something is so; return whether it came to be."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
