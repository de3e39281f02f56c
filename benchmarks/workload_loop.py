"""What a workload's frame costs: the same inference measured alone and as a workload.

    python benchmarks/workload_loop.py [--blocks N]

Both run MobileNetV2 with SIMD in Chromium, with two clock readings more per iteration for the
workload's stage. The ratio of their medians, block by block, is claimed to lie within 0.98–1.02
with a 95 % interval no wider than ± 2 %.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from machine_load import machine_line

import harness
from harness.model import Measured
from harness.statistics.paired import paired_ratio

LOW, HIGH, WIDEST = 0.98, 1.02, 0.02
MODULE = """
export async function setup({ tf, stage, loadModel }) {
  return { tf, stage, model: await loadModel() };
}
export async function run(state, { inputs }) {
  const { tf, stage, model } = state;
  state.x ??= Object.values(inputs).map(({ values, shape }) => tf.tensor(values, shape))[0];
  return stage("infer", async () => {
    const y = model.predict(state.x);
    const values = await y.data();
    tf.dispose(y);
    return { y: values };
  });
}
export function teardown() {}
"""
SUITE = """
suite: workload-loop
models:
  alone: {generate: mobilenet_v2, seed: 7}
  inside: {generate: mobilenet_v2, seed: 7, workload: same.js}
targets:
  chromium: {driver: web-tfjs, variants: {simd: {wasm: simd}}}
sampling: {memory_runs: 0, timed: {iterations: 50, max_seconds: 3}}
"""


def main() -> int:
    """Measure and print; returns 0 if the claim holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", default="20")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "same.js").write_text(MODULE)
        (folder / "suite.yaml").write_text(SUITE)
        command = [sys.executable, "-m", "harness", "run", "suite.yaml", "--out", "r"]
        subprocess.run([*command, "--blocks", arguments.blocks], cwd=folder, check=True)
        runs = harness.read(folder / "r").runs
    medians = {
        (run.cell.model, run.block): measurement.value
        for run in runs
        if isinstance(run.outcome, Measured)
        for measurement in run.outcome.measurements
        if measurement.metric == "latency_p50" and measurement.value
    }
    blocks = sorted(block for model, block in medians if model == "alone")
    logs = [math.log(medians["inside", block] / medians["alone", block]) for block in blocks]
    found = paired_ratio(logs)
    print(f"machine  {machine_line()}")
    print(f"ratio    {found.estimate:.4f} [{found.low}, {found.high}], {len(blocks)} blocks")
    print(f"claim    {LOW}–{HIGH}, interval no wider than ± {WIDEST}")
    if found.low is None or found.high is None:
        return 1
    return int(not (LOW <= found.estimate <= HIGH and found.high - found.low <= 2 * WIDEST))


if __name__ == "__main__":
    sys.exit(main())
