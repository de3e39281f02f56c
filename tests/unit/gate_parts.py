"""Nights of a gate that were made up: builds, their cells, and what both did in shared blocks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from report_folders import CHROMIUM, failed, memory, run, session, times

from harness.gate.builds import Build, KeptNight, NotedCell, Part, PartName, model_part
from harness.gate.decision import Night, decide
from harness.gate.judging import Evidence, flagged
from harness.gate.observing import Summaries, pairs_of
from harness.gate.twins import Builds, Twins
from harness.model import Cell, Outcome, ResultFolder
from harness.report.summary import summarise
from harness.store.gate_record import GateRecord
from harness.suite.gate_keys import GateKeys
from harness.twin_names import Side, twin_name

CELL = Cell("blazeface", "fp32", "chromium", "simd")
LAST_GOOD = replace(CELL, target=twin_name("chromium", "last good"))
REFERENCE = replace(CELL, target=twin_name("chromium", "reference"))
FILE: PartName = model_part(("blazeface", "fp32"), "tfjs")
TWINS = Twins(of={"last good": {CELL: LAST_GOOD}, "reference": {CELL: REFERENCE}})
FIRST = Twins(of={"last good": {CELL: LAST_GOOD}, "reference": {CELL: LAST_GOOD}})
KEYS = GateKeys()
BASE_S = 0.02


def build(name: str, size: int = 1000, **more: Part) -> Build:
    """Return a build whose model is known by a name."""
    digest = (name * 64)[:64]
    return Build({FILE: Part(digest, digest, "model.json", size, {"model.json": digest}), **more})


def night_of(
    of: Build, *cells: NotedCell, environment: Mapping[str, Any] | None = None
) -> KeptNight:
    """Return a kept night on which the cell was measured, unless told otherwise."""
    noted = cells or (NotedCell(CELL, "measured"),)
    return KeptNight("quickstart", "2026-11-23", "before", of, noted, environment or {})


def found(
    speeds: Mapping[Cell, Callable[[int], Outcome]],
    blocks: int = 6,
    heaps: Mapping[Cell, float] | None = None,
    rounds: int = 3,
) -> Summaries:
    """Return the summaries of a night on which each cell ended in each block as told."""
    names = dict.fromkeys(cell.target for cell in speeds)
    targets = tuple(replace(CHROMIUM, name=name, variants=("simd",), ratios=()) for name in names)
    record = session(targets, ("blazeface",), blocks=blocks, memory_runs=rounds if heaps else 0)
    runs = [
        run(cell, block, of(block)) for block in range(1, blocks + 1) for cell, of in speeds.items()
    ]
    dice = random.Random(1)
    for cell, size in (heaps or {}).items():
        runs += [
            run(cell, n, memory(wasm_heap=size * (1 + dice.gauss(0, 1e-4))), pass_="memory")
            for n in range(1, rounds + 1)
        ]
    folder = ResultFolder("results/quickstart/tonight", record, tuple(runs))
    return {summary.cell: summary for summary in summarise([folder])}


def at(factor: float, noise: float = 0.002, seed: int = 1) -> Callable[[int], Outcome]:
    """Return what a build does that takes `factor` times as long as the base, block by block."""

    def of(block: int) -> Outcome:
        dice = random.Random(f"{seed}/{block}/{factor}")
        return times(BASE_S * factor * math.exp(dice.gauss(0, noise)))

    return of


def failing(_: int) -> Outcome:
    return failed("crashed", "it fell over")


def judged_night(
    screened: Summaries,
    fresh: Summaries | None = None,
    *,
    twins: Twins = FIRST,
    builds: Builds | None = None,
    before: KeptNight | None = None,
    **changes: Any,
) -> Night:
    """Return a night; `fresh` is what was measured of what screening flagged."""
    builds = builds or Builds(build("c"), build("a"), build("a"))
    keys = changes.pop("keys", KEYS)
    pairs = pairs_of(screened, twins, keys)
    again = flagged(pairs)
    more = pairs_of(fresh, twins, keys) if fresh and again else None
    night = Night(
        suite="quickstart",
        decided_utc="2026-11-24",
        found=screened,
        before=before or night_of(builds.last_good),
        builds=builds,
        twins=twins,
        evidence=Evidence(pairs, again, more),
        environment=changes.pop("environment", {}),
        files={FILE: CELL},
        keys=keys,
    )
    return replace(night, **changes)


def decided(*arguments: Any, **changes: Any) -> GateRecord:
    """Judge such a night."""
    return decide(judged_night(*arguments, **changes))


def one(record: GateRecord, what: str) -> Any:
    """Return the one judgement of a thing."""
    (judged,) = [each for each in record.judgements if each.what == what]
    return judged


def written(folder: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Write files, and return path inside → file."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return {name: folder / name for name in files}


def side_cell(side: Side) -> Cell:
    """Return the twin of the cell on a side."""
    return replace(CELL, target=twin_name(CELL.target, side))
