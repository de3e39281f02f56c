"""CPU time of comparing two sessions of 10,000 cells and 14 blocks, once they have been read.

    python benchmarks/compare_speed.py [--cells 10000] [--blocks 14] [--repeats 5] [--profile]

Two folders of made-up runs are written and read by the store, so that what is compared is shaped
as runs of a disk are. The clock stands around what `edgebench compare A B` does with them (as
there without the search for cycles): summarising both, pairing cells, the exact rank-sum estimates
with intervals, facts that differ, the table. Printing it is not in it. The same again where both
sides are parts of one folder, which is compared block by block. CPU seconds, the least of the
repeats. Claimed: 2 s each.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

from machine_load import machine_line

from harness import store
from harness.cli.collecting import without_collecting
from harness.model import (
    Cell,
    Measured,
    Measurement,
    ResultFolder,
    RunResult,
    SessionRecord,
    TargetRecord,
)
from harness.plan import EVERYTHING, Selection, parse_selection
from harness.report.comparison.operands import operand
from harness.report.comparison.tables import Comparison, compare
from harness.report.summary import summarise
from harness.store.records import run_to_line, session_to_bytes

CLAIM_S = 2.0
VARIANTS = ("plain", "simd", "simd-2t", "simd-4t", "webgl")
TARGETS = 20
SLOWER = 1.03


def main() -> int:
    """Measure and print; returns 0 if both claims hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--blocks", type=int, default=14)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="where the time goes, once")
    arguments = parser.parse_args()
    print(f"machine   {machine_line()}")
    models = arguments.cells // (TARGETS * len(VARIANTS))
    one, other = (_read(models, arguments.blocks, seed) for seed in (1, 2))
    both = _read(2 * models, arguments.blocks, seed=3, halves=True)
    kinds: dict[str, Callable[[], Comparison]] = {
        "two sessions, run against run": lambda: _sessions(one, other),
        "one session, block by block": lambda: _parts(both),
    }
    broken = 0
    for name, make in kinds.items():
        if arguments.profile:
            cProfile.runctx("make()", {}, {"make": make}, sort="tottime")
            continue
        seconds, made = _least(make, arguments.repeats)
        rows = len(made.tables[0].rows) - 1
        late = seconds > CLAIM_S
        broken += late
        print(
            f"{name:32} {rows} cells × {arguments.blocks} blocks  {seconds:6.3f} CPU s"
            f"{f'  more than {CLAIM_S} s' if late else ''}  ({made.slower} slower)"
        )
    print(f"machine   {machine_line()}")
    return 1 if broken else 0


def _sessions(one: ResultFolder, other: ResultFolder) -> Comparison:
    sides = [
        operand(side.path, summarise([side], times_only=True), EVERYTHING) for side in (one, other)
    ]
    return compare(sides, ())


def _parts(both: ResultFolder) -> Comparison:
    cells = summarise([both], times_only=True)
    parts: Sequence[Selection] = [parse_selection([f"file={name}"]) for name in ("fp32", "int8")]
    return compare([operand(str(part), cells, part) for part in parts], ("model",))


@without_collecting()
def _least(make: Callable[[], Comparison], repeats: int) -> tuple[float, Comparison]:
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        made = make()
        seconds.append(time.process_time() - begun)
    return min(seconds), made


def _read(models: int, blocks: int, seed: int, *, halves: bool = False) -> ResultFolder:
    """Return a made-up folder as the store reads it; `halves` gives each model two files."""
    targets = [
        TargetRecord(
            name=f"browser-{number}",
            driver="web-tfjs",
            bench="host",
            virtual=False,
            variants=VARIANTS,
            baseline="plain",
            ratios=tuple((variant, "plain") for variant in VARIANTS[1:]),
            min_effect=0.02,
        )
        for number in range(TARGETS)
    ]
    names = [f"model-{number}" for number in range(models // 2 if halves else models)]
    files = ("fp32", "int8") if halves else ("fp32",)
    cells = [
        Cell(model, file, target.name, variant)
        for model, file, target, variant in product(names, files, targets, VARIANTS)
    ]
    record = _session(seed, blocks, cells, targets)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / f"2026-11-2{seed}_made-up"
        path.mkdir()
        (path / "session.json").write_bytes(session_to_bytes(record))
        dice = random.Random(seed)
        with (path / "runs.jsonl").open("wb") as lines:
            for number, (block, cell) in enumerate(product(range(1, blocks + 1), cells)):
                lines.write(run_to_line(_run(number, block, cell, dice, seed)))
        return store.read(path)


def _session(
    seed: int, blocks: int, cells: Sequence[Cell], targets: Sequence[TargetRecord]
) -> SessionRecord:
    return SessionRecord(
        schema=1,
        suite="many",
        suite_sha256="00",
        label="made-up",
        started_utc=f"2026-11-2{seed}T02:00:00+00:00",
        command=("edgebench", "run", "many.yaml"),
        seed=seed,
        blocks=blocks,
        memory_runs=0,
        cells=tuple(cells),
        targets=tuple(targets),
        harness={"version": "0.1.0"},
        host={"os": "Debian GNU/Linux 12", "cores": 2},
        models={},
        added_blocks=3,
        disturbed_above=0.15,
        replace_disturbed=3,
    )


def _run(number: int, block: int, cell: Cell, dice: random.Random, seed: int) -> RunResult:
    slower = SLOWER if cell.file == "int8" or seed == 2 else 1.0
    p50 = 0.01 * slower * math.exp(dice.gauss(0, 0.01))
    named = {"latency_p50": p50, "latency_mean": p50 * 1.01, "init": 0.02, "first_inference": 0.05}
    return RunResult(
        run_id=f"l{number:06d}",
        cell=cell,
        bench="host",
        pass_="latency",
        block=block,
        order=number,
        attempt=1,
        outcome=Measured(tuple(Measurement(name, "s", value) for name, value in named.items())),
        started_utc="2026-11-23T02:00:10.000+00:00",
        duration_s=4.0,
        setting={
            "driver": "web-tfjs",
            "device": "Chromium 156 on this host",
            "cpu_model": "made up",
            "os_major": "12",
            "context": "page",
            "virtual": False,
            "wasm": cell.variant,
            "threads": 1,
            "timed": "predict+readback",
            "warmup_iterations": 25,
            "timed_iterations": 50,
            "inputs_sha256": f"{cell.model}".encode().hex(),
            "metrics_version": 1,
        },
        subject={
            "browser": f"chromium 15{6 if seed == 1 else 7}.0.1.2",
            "browser_name": "chromium",
            "tfjs": "4.22.0",
            "wasm_sha256": "2b4d6f8091bb",
            "model_sha256": f"{cell.model} {cell.file}".encode().hex(),
        },
        conditions={"others_cpu_share": 0.01, "disturbed": False, "iterations_done": 50},
    )


if __name__ == "__main__":
    sys.exit(main())
