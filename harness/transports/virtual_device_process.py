"""Starting a virtual device: a program of ours that runs beside the harness, never inside it.

The program ends, with everything it started and the folder it made, when the pipe to its stdin
ends; so nothing stays when the harness is killed.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from harness.errors import TargetUnfit
from harness.transports.virtual_setup import PLAIN, VirtualSetup, to_json

_START_S = 60.0
_END_S = 20.0
_HOME = Path(__file__).parents[2]
_HINT = "run `edgebench doctor`; if the adb there looks wrong, point ADBUTILS_ADB_PATH at another"


@dataclass(frozen=True, slots=True)
class VirtualDeviceHandle:
    """A running virtual device; `base` is where its files belong, as /data/local/tmp is.

    `adb_port` is that of its private adb server on 127.0.0.1. `server_pid` and `device_pid`
    are processes of this host, for whoever wants to see them fail.
    """

    adb_port: int
    serial: str
    base: str
    sandbox: Path
    adb_version: str
    server_pid: int
    device_pid: int
    _process: subprocess.Popen[bytes] = field(repr=False, compare=False)

    @property
    def ended(self) -> bool:
        """Tell whether the device's program is no longer there."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the device with every process on it and its folder; may be called twice."""
        _end(self._process)
        shutil.rmtree(self.sandbox.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def start_virtual_device(
    scratch: Path, *, adb: Path, setup: VirtualSetup = PLAIN
) -> VirtualDeviceHandle:
    """Start a virtual device whose folder is made in `scratch`, behind a private adb server.

    Raises:
        TargetUnfit: it does not start; the message is what it said.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "harness.virtual_device"),
            *("--scratch", scratch.resolve(), "--adb", adb.absolute()),
            *("--setup", to_json(setup)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # So that `-m` finds this very harness, whether it is installed or not.
        cwd=_HOME,
        # Ctrl-C goes to the terminal's foreground group; the device outlives it to be used for
        # saving what ran.
        start_new_session=True,
    )
    try:
        return _handle(_first_line(process), process)
    except BaseException:
        _end(process)
        raise


def _first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    line = _read_line(process.stdout, time.monotonic() + _START_S)
    if not line.endswith(b"\n"):
        raise TargetUnfit(f"the virtual device did not start: {_last_words(process)}", hint=_HINT)
    said: dict[str, Any] = json.loads(line)
    if "error" in said:
        raise TargetUnfit(
            f"the virtual device did not start: {said['error']}",
            hint=said["hint"],
            kind=said["kind"],
        )
    return said


def _read_line(source: IO[bytes], end: float) -> bytes:
    line = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(max(0.0, end - time.monotonic())):
            part = os.read(source.fileno(), 4096)
            if not part:
                break
            line += part
    return bytes(line)


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """End the process and return the last line of its stderr, where Python says what broke."""
    assert process.stderr is not None
    _stop(process)
    words = process.stderr.read().decode(errors="replace").strip()
    return words.splitlines()[-1] if words else "it said nothing in time"


def _handle(said: dict[str, Any], process: subprocess.Popen[bytes]) -> VirtualDeviceHandle:
    return VirtualDeviceHandle(
        adb_port=said["adb_port"],
        serial=said["serial"],
        base=said["base"],
        sandbox=Path(said["sandbox"]),
        adb_version=said["adb_version"],
        server_pid=said["server_pid"],
        device_pid=said["device_pid"],
        _process=process,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    _stop(process)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
