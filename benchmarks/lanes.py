"""Lanes side by side: four virtual devices against one, with the same cells per device.

    python benchmarks/lanes.py [REPEATS]

Claimed: with a workload that only sleeps, four lanes take at most 1.1× the time of one. One and
four take turns; what counts is the ratio of the least times of five.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from machine_load import machine_line

from harness import store
from harness.report.overlaps import overlapping, side_by_side
from harness.virtual_device.sandbox import properties

LIMIT = 1.1
SLEEP_S = 2.0
BLOCKS = 6
AT_LEAST = (
    "INFO: Running benchmark for at least {} iterations and at least {} seconds "
    "but terminate if exceeding 150 seconds."
)
REST = "Warmup (avg): 21826.1, Inference (avg): 15439.6"
# What TensorFlow 2.14.1's tool once said, word for word; here nothing is measured.
TOOL = f"""#!/bin/sh
case "$*" in *--help*) exit 1;; esac
sleep {SLEEP_S}
cat <<'LOG'
INFO: STARTING!
INFO: Num threads: [2]
INFO: Graph: [ff.tflite]
INFO: #threads used for CPU inference: [2]
INFO: Loaded model ff.tflite
INFO: The input model file size (MB): 0.78988
INFO: Initialized session in 0.377ms.
{AT_LEAST.format(1, 0.5)}
INFO: count=23 first=32477 curr=39972 min=12063 max=39972 avg=21826.1 std=7895

{AT_LEAST.format(50, 0.2)}
INFO: count=50 first=33956 curr=241 min=211 max=55969 avg=15439.6 std=13163

INFO: Inference timings in us: Init: 377, First inference: 32477, {REST}
INFO: Memory footprint delta from the start of the tool (MB): init=3.04297 overall=4.83203
LOG
"""
SUITE = """
suite: lanes
models: {{net: {{generate: blazeface_front, seed: 7}}}}
tools: {{sleeper: {{{abi}: {{path: sleeper.sh, sha256: {sha256}}}}}}}
targets:
  t:
    driver: android-tflite
    device: {{tag: lab}}
    tool: sleeper
    variants: {{two: {{threads: 2}}}}
sampling: {{blocks: {blocks}, memory_runs: 0}}
"""


def prepare(folder: Path) -> None:
    """Write the suite, its tool, and a lab of one and of four."""
    (folder / "sleeper.sh").write_text(TOOL)
    abi, digest = properties()["ro.product.cpu.abi"], sha256(TOOL.encode()).hexdigest()
    (folder / "s.yaml").write_text(SUITE.format(abi=abi, sha256=digest, blocks=BLOCKS))
    for lanes in (1, 4):
        phones = (f"  v{n}: {{virtual: {{cpu_free: true}}, tags: [lab]}}\n" for n in range(lanes))
        (folder / f"lab-{lanes}.yaml").write_text("phones:\n" + "".join(phones))


def seconds_of(folder: Path, lanes: int, repeat: int) -> tuple[float, float]:
    """Run the suite on that many lanes; return its wall time, and how many measured at once."""
    out = folder / f"r-{lanes}-{repeat}"
    command = [sys.executable, "-m", "harness", "run", "s.yaml", "--out", str(out), "--quiet"]
    begun = time.monotonic()
    subprocess.run(
        [*command, "--devices", f"lab-{lanes}.yaml"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    elapsed_s = time.monotonic() - begun
    runs = store.read(out).runs
    if overlapping(runs):
        raise SystemExit("two runs of one bench overlapped")
    return elapsed_s, side_by_side(runs)


def main() -> int:
    """Print the ratio; return 0 if it holds."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times: dict[int, list[float]] = {1: [], 4: []}
    at_once = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder)
        for repeat in range(repeats):
            for lanes in (1, 4) if repeat % 2 else (4, 1):
                elapsed_s, measured_at_once = seconds_of(folder, lanes, repeat)
                times[lanes].append(elapsed_s)
                at_once = max(at_once, measured_at_once) if lanes == 4 else at_once
    ratio = min(times[4]) / min(times[1])
    print(f"1 lane {min(times[1]):.2f} s, 4 lanes {min(times[4]):.2f} s, {at_once:.1f} at once")
    print(f"ratio {ratio:.3f}, at most {LIMIT} is claimed, least of {repeats}")
    print(machine_line())
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
