"""Overhead of the harness: wall time of `edgebench run` over its runs' own times.

    python benchmarks/overhead.py [SUITE] [--blocks N]
    python benchmarks/overhead.py --browsers chromium,firefox,webkitgtk [--blocks N]

The second form measures two models with three variants in each of the browsers.
A run's own time is the sum of its phases: launch, load, warm-up, timed and collect. Everything
else (start-up, planning, syncing to disk, tables, opening targets) is overhead. At most 1.15 is
claimed. Models and references must be in the cache: a first run fills it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine_load import machine_line

import harness

CLAIM = 1.15
SUITE = """\
suite: overhead
models:
  mobilenet_v2: {generate: mobilenet_v2, seed: 7}
  blazeface: {generate: blazeface_front, seed: 7}
sampling: {memory_runs: 0, replace_disturbed: 0, timed: {iterations: 50, max_seconds: 2}}
targets:
"""
TARGET = """\
  {name}:
    driver: web-tfjs
    browser: {name}
    baseline: plain
    variants:
      plain: {{wasm: plain}}
      simd: {{wasm: simd}}
      simd-2t: {{wasm: threaded-simd, threads: 2}}
"""


def main() -> int:
    """Measure and print; returns 0 if the claim holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", nargs="?", default="configs/quickstart.yaml")
    parser.add_argument("--browsers", help="names, with commas between them")
    parser.add_argument("--blocks", default="6")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.browsers:
            arguments.suite = str(_suite_of(arguments.browsers.split(","), Path(scratch)))
        _run(arguments.suite, "1", Path(scratch) / "warm")
        before = _children_cpu_s()
        begun = time.monotonic()
        code = _run(arguments.suite, arguments.blocks, Path(scratch) / "run")
        wall_s = time.monotonic() - begun
        cpu_s = _children_cpu_s() - before
        runs = harness.read(Path(scratch) / "run").runs
    phases: dict[str, float] = {}
    for run in runs:
        for name, seconds in run.phases_s.items():
            phases[name] = phases.get(name, 0.0) + seconds
    own_s = sum(phases.values())
    around_s = sum(run.duration_s for run in runs)
    ratio = wall_s / own_s
    print(f"machine   {machine_line()}")
    print(f"runs      {len(runs)}, exit code {code}")
    print("phases    " + ", ".join(f"{name} {s:.1f} s" for name, s in phases.items()))
    print(f"wall      {wall_s:.1f} s; own {own_s:.1f} s; CPU of all processes {cpu_s:.1f} s")
    print(f"in runs   {around_s - own_s:.1f} s outside their phases")
    print(f"elsewhere {wall_s - around_s:.1f} s between and around the runs")
    print(f"overhead  {ratio:.3f} (claim: at most {CLAIM})")
    return 0 if code == 0 and ratio <= CLAIM else 1


def _suite_of(browsers: list[str], folder: Path) -> Path:
    path = folder / "suite.yaml"
    path.write_text(SUITE + "".join(map(TARGET.format_map, ({"name": n} for n in browsers))))
    return path


def _run(suite: str, blocks: str, out: Path) -> int:
    command = [sys.executable, "-m", "harness", "run", suite, "--blocks", blocks, "--quiet"]
    return subprocess.run(
        [*command, "--out", str(out)], stdout=subprocess.DEVNULL, check=False
    ).returncode


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
