"""Result folders of several sessions of one plan, made up for tests of merging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from harness import store
from harness.model import (
    Cell,
    Measured,
    Measurement,
    RunResult,
    SessionRecord,
    ShardRecord,
    TargetRecord,
)
from harness.store.raw import digest_of

SUITE = "suite: night\n"
BENCHES = ("host", "phone:a1", "phone:b2")
VARIANTS = ("plain", "simd")
PLANNED_BENCHES = {bench: at for at, bench in enumerate(BENCHES, start=1)}


def target_on(bench: str) -> TargetRecord:
    return TargetRecord(
        f"on-{bench.replace(':', '-')}",
        "scripted",
        bench,
        virtual=False,
        variants=VARIANTS,
        baseline="plain",
        ratios=(("simd", "plain"),),
        min_effect=0.02,
        memory_runs=0,
    )


def a_session(*benches: str, label: str = "", **changes: object) -> SessionRecord:
    """Return the session of a shard that planned these benches."""
    targets = tuple(target_on(bench) for bench in benches)
    record = SessionRecord(
        schema=store.SCHEMA,
        suite="night",
        suite_sha256=sha256(SUITE.encode()).hexdigest(),
        label=label or f"machine-{'-'.join(benches).replace(':', '')}",
        started_utc="2026-11-23T02:00:00+00:00",
        command=("edgebench", "run", "night.yaml"),
        seed=1,
        blocks=2,
        memory_runs=0,
        cells=tuple(
            Cell("net", "fp32", target.name, variant) for target in targets for variant in VARIANTS
        ),
        targets=targets,
        harness={"version": "0.1.0", "commit": "6895599aab", "dirty": False},
        host={"os": f"system of {benches[0]}", "cores": 2},
        models={"net/fp32": {"tflite_sha256": "11"}},
        shard=ShardRecord(
            PLANNED_BENCHES.get(benches[0], 1),
            len(BENCHES),
            PLANNED_BENCHES,
            tuple(target_on(bench).name for bench in BENCHES),
        ),
    )
    return replace(record, **changes)  # type: ignore[arg-type]  # each test names its own fields


def runs_of(session: SessionRecord) -> list[RunResult]:
    """Return every run that a session planned, measured."""
    bench = {target.name: target.bench for target in session.targets}
    cells = [(block, cell) for block in range(1, session.blocks + 1) for cell in session.cells]
    return [
        a_run(cell, bench[cell.target], block, order)
        for order, (block, cell) in enumerate(cells, start=1)
    ]


def a_run(cell: Cell, bench: str, block: int, order: int, value: float = 0.01) -> RunResult:
    return RunResult(
        run_id=f"l{block:03d}-{sha256(cell.label.encode()).hexdigest()[:8]}-a1",
        cell=cell,
        bench=bench,
        pass_="latency",
        block=block,
        order=order,
        attempt=1,
        outcome=Measured((Measurement("latency_mean", "s", value + order / 1e4),)),
        started_utc=f"2026-11-23T02:{order:02d}:00.000+00:00",
        duration_s=1.0,
        setting={"driver": "scripted", "device": f"a made-up device on {bench}"},
    )


def write(
    path: Path,
    session: SessionRecord,
    runs: Iterable[RunResult],
    tensors: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a folder as a session would."""
    with store.create(path, session, SUITE, tensors) as writer:
        for run in runs:
            files = {"value": f"{run.run_id}\n".encode(), "run.json": b"{}"}
            raw = writer.keep_raw(run.run_id, files)
            writer.append(replace(run, raw=raw, raw_sha256=digest_of(files)))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
