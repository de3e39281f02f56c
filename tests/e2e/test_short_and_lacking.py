"""Models shorter than a clock can tell, and operators that a runtime lacks: said, in both lanes."""

from __future__ import annotations

import os

import pytest
from conftest import Commander

from harness import store
from harness.model import Measured, Measurement, RunResult, Skipped

pytestmark = [pytest.mark.adb, pytest.mark.litert, pytest.mark.browser]

SUITE = """
suite: short
models:
  bow: {generate: {network: recommendation, history: 5, candidates: 100}}
  fused: {generate: {network: bert, layers: 1, hidden: 16, heads: 2, sequence: 8,
    vocabulary: 50, pooler_tanh: fused}, files: [fp32, int8]}
targets:
  page: {driver: web-tfjs, variants: {simd: {wasm: simd}}}
  device: {driver: android-tflite, device: virtual, variants: {cpu: {threads: 1}}}
sampling: {blocks: 1, memory_runs: 0, warmup: {iterations: 20, seconds: 0.2},
  timed: {iterations: 5, max_seconds: 1}}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[tuple[str, ...], RunResult]]:
    folder = tmp_path_factory.mktemp("short")
    (folder / "s.yaml").write_text(SUITE)
    run = Commander(folder, dict(os.environ))(
        "run", "s.yaml", "--out", "r", "--progress", "quiet", "--format", "markdown"
    )
    assert run.returncode == 0, run.stderr
    runs = store.read(folder / "r").runs
    return run.stdout, {(r.cell.model, r.cell.file, r.cell.target): r for r in runs}


def latency(run: RunResult, metric: str) -> Measurement:
    assert isinstance(run.outcome, Measured)
    return next(m for m in run.outcome.measurements if m.metric == metric)


def test_a_page_times_batches_and_says_of_how_many(
    ran: tuple[str, dict[tuple[str, ...], RunResult]],
) -> None:
    said, runs = ran
    run = runs["bow", "fp32", "page"]
    size = run.conditions["batch_size"]
    assert latency(run, "latency_mean").value
    if size == 1:  # a machine so busy that an inference took its time
        assert latency(run, "latency_p50").value
    else:
        assert latency(run, "latency_p50").absent.endswith(f"in batches of {size}")
        assert f"in batches of {size}" in said or f"bow/fp32 page simd {size}" in said


def test_the_tool_gives_a_value_or_says_that_its_clock_is_too_coarse(
    ran: tuple[str, dict[tuple[str, ...], RunResult]],
) -> None:
    found = latency(ran[1]["bow", "fp32", "device"], "latency_mean")
    if found.value is None:
        assert "the tool times each inference alone" in found.absent
        assert "give it more work per inference" in ran[0]
    else:
        assert found.value >= 99e-6  # 100 of its ticks


def test_what_a_runtime_or_a_format_lacks_is_skipped_by_name_and_as_expected(
    ran: tuple[str, dict[tuple[str, ...], RunResult]],
) -> None:
    reasons = {}
    for cell, run in ran[1].items():
        if isinstance(run.outcome, Skipped):
            assert run.outcome.expected
            reasons[cell] = run.outcome.failure.message
    assert "tanh activation not yet supported" in reasons.pop(("fused", "fp32", "page"))
    assert "layer norms" in reasons.pop(("fused", "int8", "device"))
    assert "as .tflite only" in reasons.pop(("fused", "int8", "page"))
    assert not reasons
