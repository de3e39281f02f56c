"""Result folders made up for tests of the report: made-up numbers, shaped like real ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.model import (
    Cell,
    Failed,
    Failure,
    Measured,
    Measurement,
    Outcome,
    Pass,
    Proof,
    ResultFolder,
    RunResult,
    SessionRecord,
    Skipped,
    TargetRecord,
)

CHROMIUM = TargetRecord(
    name="chromium",
    driver="web-tfjs",
    bench="host",
    virtual=False,
    variants=("plain", "simd", "simd-2t"),
    baseline="plain",
    ratios=(("simd", "plain"), ("simd-2t", "plain"), ("simd-2t", "simd")),
    min_effect=0.02,
)
DEVICE = TargetRecord(
    name="device",
    driver="android-tflite",
    bench="host",
    virtual=True,
    variants=("cpu-1", "cpu-2"),
    baseline="cpu-1",
    ratios=(("cpu-2", "cpu-1"),),
    min_effect=0.02,
)
WASM = {
    "plain": ("plain", 1, "1f3a5c7e90aa"),
    "simd": ("simd", 1, "2b4d6f8091bb"),
    "simd-2t": ("threaded-simd", 2, "3c5e7a9b02cc"),
}
SECONDS = {
    ("mobilenet_v2", "plain"): 0.0825,
    ("mobilenet_v2", "simd"): 0.0187,
    ("mobilenet_v2", "simd-2t"): 0.01235,
    ("blazeface", "plain"): 0.0084,
    ("blazeface", "simd"): 0.00292,
    ("blazeface", "simd-2t"): 0.00295,
    ("mobilenet_v2", "cpu-1"): 0.0146,
    ("mobilenet_v2", "cpu-2"): 0.0091,
    ("blazeface", "cpu-1"): 0.0021,
    ("blazeface", "cpu-2"): 0.0014,
}


def session(
    targets: tuple[TargetRecord, ...] = (CHROMIUM, DEVICE),
    models: tuple[str, ...] = ("mobilenet_v2", "blazeface"),
    **changes: Any,
) -> SessionRecord:
    """Return a session that planned every model on every target."""
    cells = tuple(
        Cell(model, "fp32", target.name, variant)
        for model in models
        for target in targets
        for variant in target.variants
    )
    record = SessionRecord(
        schema=1,
        suite="quickstart",
        suite_sha256="00",
        label="host-1a2b3c",
        started_utc="2026-11-23T02:00:00+00:00",
        command=("edgebench", "run", "quickstart.yaml"),
        seed=1,
        blocks=6,
        memory_runs=1,
        cells=cells,
        targets=targets,
        harness={"version": "0.1.0", "commit": "6895599aabbccdd", "dirty": False},
        host={"os": "Debian GNU/Linux 12", "cpu_model": "AMD EPYC 7B13", "cores": 2},
        models={},
    )
    return replace(record, **changes)


def run(
    cell: Cell,
    block: int,
    outcome: Outcome,
    *,
    pass_: Pass = "latency",
    attempt: int = 1,
    bench: str = "host",
    setting: Mapping[str, Any] | None = None,
    **changes: Any,
) -> RunResult:
    """Return one attempt; its facts are those of the made-up target it ran on."""
    facts = _web_facts(cell) if cell.variant in WASM else _device_facts(cell)
    result = RunResult(
        run_id=f"{pass_[0]}{block:03d}-{cell.model}-{cell.variant}-a{attempt}",
        cell=cell,
        bench=bench,
        pass_=pass_,
        block=block,
        order=block,
        attempt=attempt,
        outcome=outcome,
        started_utc="2026-11-23T02:00:10.000+00:00",
        duration_s=4.0,
        setting={**facts["setting"], **(setting or {})},
        subject=facts["subject"],
        conditions=facts["conditions"],
        proof=Proof(facts["proof"], facts["proof"]),
    )
    return replace(result, **changes)


def times(p50: float | None, mean: float | None = None, **others: float) -> Measured:
    """Return a measured outcome with a median and a mean (1 % above it, unless given)."""
    measurements = [Measurement(name, "s", value) for name, value in others.items()]
    if p50 is not None:
        measurements.append(Measurement("latency_p50", "s", p50))
        mean = p50 * 1.01 if mean is None else mean
    if mean is not None:
        measurements.append(Measurement("latency_mean", "s", mean))
    return Measured(tuple(measurements))


def memory(**values: float) -> Measured:
    """Return the outcome of a memory run."""
    return Measured(tuple(Measurement(name, "B", value) for name, value in values.items()))


def failed(kind: str = "timed-out", message: str = "it did not end within 120 s") -> Failed:
    return Failed(Failure(kind, message, "raise timeout_s"))


def skipped(*, expected: bool = False) -> Skipped:
    reason = Failure("target-not-found", "no phone is attached", "attach a phone")
    return Skipped(reason, expected)


def folder(
    record: SessionRecord, outcome_of: Callable[[Cell, int], Outcome | None], **changes: Any
) -> ResultFolder:
    """Return a folder with a latency run per cell and block, where the outcome is not None."""
    runs = [
        run(cell, block, outcome)
        for block in range(1, record.blocks + 1)
        for cell in record.cells
        if (outcome := outcome_of(cell, block)) is not None
    ]
    return replace(
        ResultFolder("results/quickstart/2026_host-1a2b3c", record, tuple(runs)), **changes
    )


def realistic(blocks: int = 6, *, with_failures: bool = True) -> ResultFolder:
    """Return two models on a browser and on a virtual device, a few runs of them failed."""
    dice = random.Random(blocks)
    record = session(blocks=blocks)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        if with_failures and cell.model == "blazeface" and cell.variant == "simd-2t":
            return Failed(
                Failure(
                    "variant-mismatch",
                    "threads asked 2, observed 1",
                    "what ran is not what was asked for, so it has no number; "
                    "change the variant, or the target so that it can run it",
                )
            )
        if with_failures and cell.variant == "simd" and block == 2:
            return failed()
        p50 = SECONDS[cell.model, cell.variant] * dice.lognormvariate(0, 0.02)
        cold = {"init": 0.02, "first_inference": p50 * 2.2}
        if cell.variant in WASM:
            cold["load"] = 0.16
        return times(p50, **cold, time_to_first_result=sum(cold.values()))

    measured = folder(record, outcome_of)
    memory_runs = [run(cell, 1, _memory(cell), pass_="memory") for cell in record.cells]
    return replace(measured, runs=(*measured.runs, *memory_runs))


def _memory(cell: Cell) -> Outcome:
    if cell.variant in WASM:
        return memory(
            wasm_heap=57.6 * 2**20, tf_num_bytes=13.9e6, renderer_uss=92.5e6, renderer_pss=97.1e6
        )
    if cell.variant == "cpu-2":
        return failed("killed", "the tool was killed by signal 9")
    return memory(tool_footprint=21.5e6, peak_rss=64.0e6, peak_rss_delta=22.0e6)


def _web_facts(cell: Cell) -> dict[str, dict[str, Any]]:
    wasm, threads, digest = WASM[cell.variant]
    return {
        "setting": {
            "driver": "web-tfjs",
            "device": "Chromium 156 on this host",
            "virtual": False,
            "wasm": wasm,
            "threads": threads,
            "timed": "predict+readback",
        },
        "subject": {
            "browser": "chromium 156.0.8078.79",
            "tfjs": "4.22.0",
            "wasm_sha256": digest,
            "wasm_bytes": {"plain": 311_123, "simd": 424_594}.get(wasm, 435_643),
            "model_sha256": f"{cell.model}-tfjs".encode().hex(),
        },
        "conditions": {
            "others_cpu_share": 0.031,
            "cross_origin_isolated": True,
            "wasm_heap_shared": wasm == "threaded-simd",
            "iterations_done": 50,
            "warmup_iterations_done": 56,
        },
        "proof": {"wasm": wasm, "threads": threads},
    }


def _device_facts(cell: Cell) -> dict[str, dict[str, Any]]:
    threads = int(cell.variant[-1]) if cell.variant[-1:].isdigit() else 1
    return {
        "setting": {
            "driver": "android-tflite",
            "device": "virtual device (this host)",
            "virtual": cell.target == "device",
            "threads": threads,
            "timed": "invoke",
        },
        "subject": {
            "tool": "litert-host",
            "tool_version": "2.3.0",
            "tool_sha256": "77aa55bb33cc",
            "model_sha256": f"{cell.model}-tflite".encode().hex(),
        },
        "conditions": {"others_cpu_share": 0.17, "iterations_done": 50},
        "proof": {"threads": threads},
    }
