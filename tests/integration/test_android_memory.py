"""Memory of the tool, however large the process is that stands above it.

`ru_maxrss` outlives `exec` (getrusage(2)): a tool that a large process starts directly counts
that one's memory as its own, see the real captures `rss_popen_*`. The harness puts a small shell
between them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
from adb_parts import device_in_this_process
from android_parts import model_file, needed_litert, request

from harness.drivers.android_tflite.options import TargetOptions
from harness.drivers.android_tflite.session import AndroidSession, prepared
from harness.model import Measured, Reading
from harness.plugins import ModelFile, TargetSpec, ToolFile, driver
from harness.transports.open_device import OpenDevice
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]
MIB = 1 << 20
BALLAST = 300 * MIB
BLOCK = 64 * MIB
# Holds 64 MB for a while, and tells its peak as benchmark_model does: by ru_maxrss.
TOOL = f"""#!/bin/sh
'''exec' {sys.executable} -IS "$0" "$@"
'''
import resource, sys, time
if "--help" in sys.argv:
    print("\\t--report_peak_memory_footprint=false\\tbool")
    raise SystemExit(1)
def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak_mb()
block = b"x" * {BLOCK}
time.sleep(0.6)
print(\"\"\"STARTING!
Num threads: [1]
Initialized session in 5ms.
Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
count=1 curr=24000

Running benchmark for at least 5 iterations and at least 0 seconds but terminate if exceeding 10 seconds.
count=5 curr=8000(all same)

Inference timings in us: Init: 5000, First inference: 24000, Warmup (avg): 24000, Inference (avg): 8000
Memory footprint delta from the start of the tool (MB): init=1 overall=%s
Overall peak memory footprint (MB) via periodic monitoring: %s\"\"\"
    % (f"{{peak_mb() - before:g}}", f"{{peak_mb():g}}"))
"""


def values(reading: Reading) -> dict[str, float]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.value for m in reading.outcome.measurements if m.value is not None}


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> ToolFile:
    path = tmp_path_factory.mktemp("tool") / "greedy"
    path.write_text(TOOL)
    path.chmod(0o755)
    return ToolFile("greedy", ABI, path, sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def ballast() -> bytes:
    """Make this process large: it holds the device whose shells run the tools."""
    return b"x" * BALLAST


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


@pytest.fixture(scope="module")
def device(ballast: bytes, folder: Path) -> Iterator[OpenDevice]:
    assert len(ballast) == BALLAST
    with device_in_this_process(folder / "device") as (adb, made):
        # Virtual, without a process of its own: it runs in this one.
        yield OpenDevice(adb, str(made.base), adb.getprops(), cast("Any", object()))


def session(device: OpenDevice, folder: Path, tool: ToolFile | None = None) -> AndroidSession:
    options = TargetOptions(device="virtual", tool="greedy" if tool else None)
    tools = {"greedy": {ABI: tool}} if tool else {}
    return prepared(device, TargetSpec("device", options, tools, folder))


@pytest.fixture(scope="module")
def model(folder: Path) -> ModelFile:
    return model_file(folder)


def test_started_by_a_large_process_directly_a_tool_counts_its_memory(
    tool: ToolFile, ballast: bytes
) -> None:
    said = subprocess.run([tool.path], capture_output=True, text=True, check=True).stdout
    peak = re.search(r"monitoring: ([\d.]+)", said)
    assert peak
    assert float(peak[1]) * MIB > len(ballast)


def test_a_large_process_above_the_shell_changes_no_metric(
    device: OpenDevice, folder: Path, tool: ToolFile, model: ModelFile
) -> None:
    one = session(device, folder, tool)
    found = values(LANE.read(one.execute(request(model, pass_="memory"))))
    assert set(found) == {"tool_footprint", "tool_footprint_init", "peak_rss", "vm_hwm", "pss"}
    for metric in ("tool_footprint", "peak_rss", "vm_hwm", "pss"):
        assert BLOCK * 0.95 < found[metric] < BLOCK + 40 * MIB, (metric, found)


def test_nor_does_it_change_what_the_real_runtime_uses(
    device: OpenDevice, folder: Path, model: ModelFile
) -> None:
    needed_litert()
    one = session(device, folder)
    found = values(LANE.read(one.execute(request(model, pass_="memory"))))
    assert set(found) == {"peak_rss_delta"}
    assert found["peak_rss_delta"] < 25 * MIB


def test_a_latency_run_is_not_sampled(
    device: OpenDevice, folder: Path, tool: ToolFile, model: ModelFile
) -> None:
    one = session(device, folder, tool)
    assert "samples.txt" not in one.execute(request(model)).files
