"""Site: 500 cells × 365 nights out of a fresh index, in CPU seconds, and its entry page's size.

    python benchmarks/site_speed.py [--nights 365] [--cells 500] [--blocks 10] [--repeats 3]
                                    [--keep DIR]

Claimed: `edgebench publish TONIGHT --history RESULTS` takes at most 30 CPU seconds, start-up
included, and its entry page has at most 8 MB.

The last night is a real result folder: that many runs, each with a raw capture as long as a
browser's. The nights before it are in the index alone, filled from the generator of
`history_speed.py`; each cell's course has all of them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from history_speed import fill_index, made_up_cells, made_up_session, run_child, runs_of_a_night
from machine_load import machine_line

from harness.model import Cell, RunResult, TargetRecord
from harness.store.folder import RUNS, SESSION
from harness.store.raw import digest_of
from harness.store.records import run_to_line, session_to_bytes

MOST_CPU_S = 30.0
MOST_BYTES = 8_000_000
_RUNS_OF_A_NIGHT = 5


def main() -> int:
    """Measure and print; returns 0 if the claims hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--blocks", type=int, default=10, help="of the last night")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="make the index here, or use it again")
    arguments = parser.parse_args()
    print(f"machine  {machine_line()}")
    kept = nullcontext(str(arguments.keep)) if arguments.keep else tempfile.TemporaryDirectory()
    with kept as place:
        cells, results = made_up_cells(arguments.cells), Path(place) / "results"
        fill_index(results, cells, arguments.nights, _RUNS_OF_A_NIGHT)
        tonight = max((results / "nightly").iterdir())
        _write_tonight(tonight, cells, arguments.blocks)
        # The night that is now real is taken in once more; after that the index is fresh.
        run_child([sys.executable, "-m", "harness", "index", "--results", str(results)])
        return 0 if _published(results, tonight, arguments.repeats) else 1


def _published(results: Path, tonight: Path, repeats: int) -> bool:
    command = [sys.executable, "-m", "harness", "publish", str(tonight)]
    spent, peak = [], 0
    for number in range(repeats):
        with tempfile.TemporaryDirectory() as out:
            site = Path(out) / f"site{number}"
            cpu_s, peak = run_child([*command, "--history", str(results), "--out", str(site)])
            spent.append(cpu_s)
            files = [file for file in site.rglob("*") if file.is_file()]
            entry = (site / "index.html").stat().st_size
            whole = sum(file.stat().st_size for file in files)
    print(
        f"site of {len(files)} files, {whole / 1e6:.0f} MB: {min(spent):.1f} CPU s (least of "
        f"{repeats}; most {max(spent):.1f}), {peak / 2**20:.0f} MiB at most"
    )
    print(f"entry page  {entry / 1e6:.2f} MB")
    return min(spent) <= MOST_CPU_S and entry <= MOST_BYTES


def _write_tonight(folder: Path, cells: Sequence[Cell], blocks: int) -> None:
    started = datetime.strptime(f"{folder.name[:18]}+0000", "%Y-%m-%dT%H%M%SZ%z")
    session = made_up_session(cells, started, blocks)
    targets = tuple(_with_ratios(target) for target in session.targets)
    (folder / SESSION).write_bytes(session_to_bytes(replace(session, targets=targets)))
    with (folder / RUNS).open("wb") as file:
        for run in runs_of_a_night(cells, session, blocks, random.Random(3)):
            file.write(run_to_line(_with_raw(folder, run)))


def _with_ratios(target: TargetRecord) -> TargetRecord:
    base = target.variants[0]
    return replace(target, ratios=tuple((each, base) for each in target.variants[1:]))


def _with_raw(folder: Path, run: RunResult) -> RunResult:
    """Give a run files as long as those of a browser's run (quickstart: 7 KB and 8 KB of text)."""
    dice = random.Random(run.run_id)
    page = {"samples_ms": [dice.uniform(9, 10) for _ in range(50)], "log": "loaded a model " * 400}
    asked = [{"path": f"tfjs/file-{n}.js", "sha256": f"{n:064x}"} for n in range(20)]
    command = {"command": ["/usr/bin/chromium", "--headless"], "requests": asked}
    files = {"page.json": page, "run.json": command}
    texts = {name: json.dumps(told, indent=1).encode() for name, told in files.items()}
    place = folder / "raw" / run.run_id
    place.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (place / name).write_bytes(text)
    return replace(run, raw=f"raw/{run.run_id}", raw_sha256=digest_of(texts))


if __name__ == "__main__":
    sys.exit(main())
