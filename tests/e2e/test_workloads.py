"""Workloads from the command line to the tables: what runs, what is wrong, what cannot run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness import store
from harness.graphs.tflite_writer import write_tflite
from harness.model import Failed, Measured, RunResult, Skipped
from harness.models.blazeface_front import PLUGIN as BLAZEFACE
from harness.plugins import build_network

pytestmark = [pytest.mark.adb, pytest.mark.litert, pytest.mark.browser]

CONFIG = Path(__file__).parents[2] / "configs" / "face-video.yaml"
STAGES = ["decode", "resize", "infer", "post-process", "rest", "whole iteration"]
MODULE = """
export async function setup({ tf, loadModel, options }) {
  return { tf, options, model: await loadModel() };
}
export async function run({ tf, options }, { inputs }) {
  const [{ values }] = Object.values(inputs);
  const wrong = options.lie && tf.getBackend() === "wasm" ? 1 : 0;
  return { sum: Float32Array.from(values.subarray(0, 4), (value) => value + wrong) };
}
export function teardown() {}
"""
SUITE = """
suite: two-lanes
models:
  honest: {generate: blazeface_front, workload: {module: m.js}}
  lying:  {generate: blazeface_front, workload: {module: m.js, options: {lie: true}}}
  phones-only: {tflite: BLAZEFACE}
targets:
  page: {driver: web-tfjs, variants: {simd: {wasm: simd}}}
  device: {driver: android-tflite, device: virtual, variants: {cpu: {threads: 1}}}
sampling: {blocks: 1, memory_runs: 0, warmup: {iterations: 2, seconds: 0},
  timed: {iterations: 5, max_seconds: 1}}
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("video")
    quick = CONFIG.read_text().replace("{iterations: 60, max_seconds: 3}", "{iterations: 10}")
    quick = quick.replace("../device_scripts", str(CONFIG.parents[1] / "device_scripts"))
    quick = quick.replace("seconds: 2}", "seconds: 0.5}").replace(
        "memory_runs: 1", "memory_runs: 0"
    )
    quick = quick.replace("sampling: {", "sampling: {warmup: {iterations: 3, seconds: 0}, ")
    (folder / "face-video.yaml").write_text(quick)
    run = Commander(folder, dict(os.environ))(
        "run", "face-video.yaml", "--blocks", "1", "--out", "r", "--json"
    )
    assert run.returncode == 0, run.stderr + run.stdout
    return folder / "r", {table["name"]: table for table in json.loads(run.stdout)["tables"]}


def test_the_shipped_example_tells_where_the_time_of_a_frame_goes(
    example: tuple[Path, dict[str, Any]],
) -> None:
    rows = example[1]["stages"]["rows"]
    assert [row["stage"] for row in rows] == STAGES * 3
    assert {row["variant"] for row in rows} == {"plain", "simd", "simd-2t"}
    assert all(row["time"] for row in rows if row["stage"] in {"decode", "infer"})
    frames = example[1]["frames"]["rows"]
    assert len(frames) == 3
    assert all(row["rate"] and row["dropped"] is not None for row in frames)


def test_the_shipped_examples_outputs_are_checked_and_what_ran_is_proved(
    example: tuple[Path, dict[str, Any]],
) -> None:
    runs = store.read(example[0]).runs
    assert len(runs) == 3
    for run in runs:
        assert isinstance(run.outcome, Measured)
        assert run.conditions["output_check"] == "ok within 0.0001"
        assert run.conditions["frames_due"] == 15
        assert run.proof.mismatches() == ()
    assert len({run.subject["workload_sha256"] for run in runs}) == 1


def test_each_target_runs_what_it_can_and_says_why_not_else(tmp_path: Path) -> None:
    commander = Commander(tmp_path, dict(os.environ))
    (tmp_path / "b.tflite").write_bytes(write_tflite(build_network(BLAZEFACE, 1)))
    (tmp_path / "m.js").write_text(MODULE)
    (tmp_path / "s.yaml").write_text(SUITE.replace("BLAZEFACE", "b.tflite"))
    ran = commander("run", "s.yaml", "--out", "r", "--progress", "quiet")
    assert ran.returncode == 1, ran.stderr  # the workload that lies
    found = {(run.cell.model, run.cell.target): run for run in store.read(tmp_path / "r").runs}
    assert isinstance(found["honest", "page"].outcome, Measured)
    assert failure(found["lying", "page"]) == ("output-mismatch", False)
    for model in ("honest", "lying"):
        assert failure(found[model, "device"]) == ("unsupported", True)
    skipped = found["phones-only", "page"]
    assert failure(skipped) == ("model-unavailable", True)
    assert "has no TF.js file" in str(skipped.outcome)
    assert isinstance(found["phones-only", "device"].outcome, Measured)
    only = commander("run", "s.yaml", "--only", "model=honest,model=phones-only", "--out", "r2")
    assert only.returncode == 0, only.stderr  # skips that were declared are no findings


def failure(run: RunResult) -> tuple[str, bool]:
    """Return the class of what went wrong, and whether that was expected."""
    match run.outcome:
        case Failed(failure=failure):
            return failure.kind, False
        case Skipped(failure=failure, expected=expected):
            return failure.kind, expected
    raise AssertionError(run)
