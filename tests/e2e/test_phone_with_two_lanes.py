"""One phone, its shell and its Chrome in one suite, played by a virtual device that runs already."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness import store
from harness.report.overlaps import overlapping
from harness.transports.adb import AdbDevice, AdbServer, find_adb
from harness.transports.cdp.virtual_chrome import chrome_of_this_host
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.litert]

CHROME = "{driver: web-tfjs, browser: chrome-android, device: shared, variants: {v: {wasm: simd}}}"
SHELL = "{driver: android-tflite, device: shared, variants: {v: {threads: 1}}}"
SUITE = """
suite: both
models: {{net: {{generate: blazeface_front, seed: 7}}}}
targets:
  {targets}
sampling:
  blocks: 1
  memory_runs: 0
  warmup: {{iterations: 1, seconds: 0}}
  timed: {{iterations: {iterations}, max_seconds: {max_s}}}
"""


@pytest.fixture
def phone(edgebench: Commander) -> Iterator[VirtualDeviceHandle]:
    setup = chrome_of_this_host()
    with start_virtual_device(edgebench.folder / "made", adb=find_adb(), setup=setup) as handle:
        server = f"adb: {{host: 127.0.0.1, port: {handle.adb_port}}}"
        shared = f"{{serial: '{handle.serial}', {server}, virtual: {{cpu_free: true}}}}"
        (edgebench.folder / "devices.yaml").write_text(f"phones: {{shared: {shared}}}\n")
        yield handle


def on_host(edgebench: Commander) -> Commander:
    return edgebench.within(XDG_RUNTIME_DIR=str(edgebench.folder / "host"))


def write(folder: Path, targets: str, *, iterations: int = 5, max_s: float = 1) -> None:
    text = SUITE.format(targets=targets, iterations=iterations, max_s=max_s)
    (folder / "s.yaml").write_text(text)


def device(phone: VirtualDeviceHandle) -> AdbDevice:
    return AdbDevice(phone.serial, AdbServer(phone.adb_port))


def left(phone: VirtualDeviceHandle) -> list[str]:
    adb = device(phone)
    running = adb.shell(["pidof", "com.android.chrome"], timeout_s=20).stdout.decode().split()
    ports = (*adb.ports.forwards(), *adb.ports.reverses())
    lease = Path(phone.base) / "edgebench" / "lease"
    return [*running, *map(str, ports), *(["lease"] if lease.exists() else [])]


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def test_shell_and_chrome_of_a_phone_are_one_bench_with_one_lease(
    edgebench: Commander, phone: VirtualDeviceHandle
) -> None:
    write(edgebench.folder, f"shell: {SHELL}\n  chrome: {CHROME}")
    said = on_host(edgebench)("run", "s.yaml", "--out", "r", "--quiet")
    assert said.returncode == 0, said.stderr
    folder = store.read(edgebench.folder / "r")
    assert {run.cell.target for run in folder.runs} == {"shell", "chrome"}
    assert len({run.bench for run in folder.runs}) == 1
    assert overlapping(folder.runs) == ()
    assert all(run.setting["virtual"] is True for run in folder.runs)
    assert phone.serial not in (edgebench.folder / "r" / "runs.jsonl").read_text()
    assert left(phone) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_harness_that_was_ended_leaves_no_port_and_no_browser_for_long(
    edgebench: Commander, phone: VirtualDeviceHandle, number: signal.Signals
) -> None:
    write(edgebench.folder, f"chrome: {CHROME}", iterations=1_000_000, max_s=60)
    first = on_host(edgebench).start("run", "s.yaml", "--out", "first", "--quiet")
    ports = device(phone).ports
    # Its first forward is that of looking for the browser, before its page has a port.
    until(lambda: ports.forwards() and ports.reverses(), "a run")
    first.send_signal(number)
    first.communicate(timeout=60)
    assert bool(left(phone)) == (number == signal.SIGKILL)
    write(edgebench.folder, f"chrome: {CHROME}")
    again = on_host(edgebench)("run", "s.yaml", "--out", "again", "--quiet")
    assert again.returncode == 0, again.stderr
    assert [each["outcome"] for each in records(edgebench.folder / "again")] == ["measured"]
    assert left(phone) == []
