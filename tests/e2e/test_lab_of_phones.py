"""A lab of phones, as virtual devices whose tool only sleeps: lanes, leases, and the time limit.

The log that the tool prints is a real one; that it sleeps meanwhile is made up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness import store
from harness.model import Skipped
from harness.report.overlaps import overlapping, side_by_side
from harness.transports.adb import find_adb
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.virtual_device.sandbox import properties

pytestmark = pytest.mark.adb

LOG = Path(__file__).parents[1] / "fixtures/benchmark_model/benchmark_model-2.14.1-debian"
SUITE = """
suite: lab
models: {{net: {{generate: blazeface_front, seed: 7}}}}
tools: {{sleeper: {{{abi}: {{path: sleeper.sh, sha256: {sha256}}}}}}}
targets:
  t:
    driver: android-tflite
    device: {device}
    tool: sleeper
    variants: {{two: {{threads: 2}}}}
sampling: {{blocks: 2, memory_runs: 0}}
"""


def prepare(folder: Path, device: str, lab: str, *, sleep_s: float) -> None:
    log = (LOG / "ok_cpu.stdout").read_text()
    asked = 'case "$*" in *--help*) exit 1;; esac'
    tool = f"#!/bin/sh\n{asked}\nsleep {sleep_s}\ncat <<'L'\n{log}L\n"
    (folder / "sleeper.sh").write_text(tool)
    abi, digest = properties()["ro.product.cpu.abi"], sha256(tool.encode()).hexdigest()
    (folder / "s.yaml").write_text(SUITE.format(abi=abi, sha256=digest, device=device))
    (folder / "devices.yaml").write_text(lab)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def test_lanes_run_side_by_side_and_never_two_runs_on_one_bench(edgebench: Commander) -> None:
    lab = "phones:\n" + "".join(
        f"  v{n}: {{virtual: {{cpu_free: true}}, tags: [pretend]}}\n" for n in (1, 2, 3)
    )
    prepare(edgebench.folder, "{tag: pretend}", lab, sleep_s=1.5)
    said = edgebench("run", "s.yaml", "--out", "r", "--progress", "lines")
    assert said.returncode == 0, said.stderr
    folder = store.read(edgebench.folder / "r")
    assert {run.bench for run in folder.runs} == {f"virtual:v{n}" for n in (1, 2, 3)}
    assert len(folder.runs) == 6
    assert overlapping(folder.runs) == ()
    assert side_by_side(folder.runs) > 1
    assert all(target.virtual for target in folder.session.targets)
    assert "not a phone" in said.stdout or "virtual" in said.stdout
    for n in (1, 2, 3):
        assert f"v{n}: net · t@v{n}/two · block 1: " in said.stderr


@pytest.fixture
def shared(edgebench: Commander) -> Iterator[VirtualDeviceHandle]:
    """A virtual device that runs already, for the harnesses of a test to meet on."""
    with start_virtual_device(edgebench.folder / "made", adb=find_adb()) as handle:
        server = f"adb: {{host: 127.0.0.1, port: {handle.adb_port}}}"
        phone = f"{{serial: '{handle.serial}', {server}, virtual: {{cpu_free: true}}}}"
        prepare(edgebench.folder, "shared", f"phones: {{shared: {phone}}}\n", sleep_s=2)
        yield handle


def started(command: Commander, out: str) -> subprocess.Popen[str]:
    process = command.start("run", "s.yaml", "--out", out, "--progress", "json")
    lease = f"{out} to hold the phone"
    marker = next((command.folder / "made").glob("*/device/data/local/tmp"))
    until((marker / "edgebench" / "lease").exists, lease)
    return process


def on_host(edgebench: Commander, name: str) -> Commander:
    # What two hosts do not share are the locks of each.
    return edgebench.within(XDG_RUNTIME_DIR=str(edgebench.folder / name))


@pytest.mark.parametrize("second_host", ["one", "two"])
def test_two_harnesses_never_share_a_phone(
    edgebench: Commander, shared: VirtualDeviceHandle, second_host: str
) -> None:
    first = started(on_host(edgebench, "one"), "first")
    second = on_host(edgebench, second_host)("run", "s.yaml", "--out", "second", "--quiet")
    first.communicate(timeout=100)
    assert (first.returncode, second.returncode) == (0, 1)
    assert [record["outcome"] for record in records(edgebench.folder / "first")] == ["measured"] * 2
    for record in records(edgebench.folder / "second"):
        assert record["outcome"] == "skipped"
        assert record["error"]["class"] == "leased"
        assert record["error"]["hint"]
        assert os.uname().nodename not in record["error"]["message"]
        assert shared.serial not in json.dumps(record)
    again = on_host(edgebench, "two")("run", "s.yaml", "--resume", "second", "--quiet")
    assert again.returncode == 0, again.stderr
    both = (
        *store.read(edgebench.folder / "first").runs,
        *store.read(edgebench.folder / "second").runs,
    )
    assert overlapping(both) == ()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_harness_that_was_ended_leaves_no_phone_behind(
    edgebench: Commander, shared: VirtualDeviceHandle, number: signal.Signals
) -> None:
    first = started(on_host(edgebench, "one"), "first")
    first.send_signal(number)
    first.communicate(timeout=60)
    said = on_host(edgebench, "one")("run", "s.yaml", "--out", "second", "--progress", "lines")
    assert said.returncode == 0, said.stderr
    assert ("took over the lease of host-" in said.stderr) == (number == signal.SIGKILL)


def test_an_absent_phone_costs_its_own_rows_alone(edgebench: Commander) -> None:
    lab = (
        "phones:\n  here: {virtual: {cpu_free: true}, tags: [all]}\n"
        "  gone: {serial: R5XGONE1234, tags: [all], adb: {host: 127.0.0.1, port: 1}}\n"
    )
    prepare(edgebench.folder, "{tag: all}", lab, sleep_s=0.1)
    said = edgebench("run", "s.yaml", "--out", "r", "--quiet")
    assert said.returncode == 1
    outcomes = {
        run.cell.target: type(run.outcome) for run in store.read(edgebench.folder / "r").runs
    }
    assert outcomes["t@gone"] is Skipped
    assert outcomes["t@here"] is not Skipped
    assert "R5XGONE1234" not in (edgebench.folder / "r" / "runs.jsonl").read_text()


def test_a_plan_says_what_fits_until_a_time(edgebench: Commander) -> None:
    prepare(edgebench.folder, "v", "phones: {v: {virtual: {cpu_free: true}}}\n", sleep_s=0)
    said = edgebench("plan", "s.yaml", "--until", "06:30")
    assert said.returncode == 0, said.stderr
    assert "until 06:30" in said.stdout
    assert "1 of 2 on virtual:v" in " ".join(
        said.stdout.split()
    ) or "2 of 2 on virtual:v" in " ".join(said.stdout.split())
    assert edgebench("plan", "s.yaml", "--until", "6:30").returncode == 2
