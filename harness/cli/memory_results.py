"""What the devices of a result folder took, for models that are the same file to the last byte."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median

from harness.graphs.tflite_reader import TfliteModel
from harness.memory_plan.arena_table import ArenaRow
from harness.memory_plan.tflite_records import graph_title
from harness.metrics import METRICS
from harness.model import Measured, ResultFolder, RunResult
from harness.tools.interpreter_state import InterpreterState, read_states

_CHUNK = 1 << 20


def device_rows(models: Sequence[TfliteModel], folder: ResultFolder) -> Iterator[ArenaRow]:
    """Return a row per memory metric of each target and variant, and per printed arena."""
    for model in models:
        digest = _digest(model.path)
        title = graph_title(model, model.graphs[0])
        runs = [run for run in folder.runs if run.subject.get("model_sha256") == digest]
        if not runs:
            note = f"{title}: {folder.path} has no run of this very file"
            yield ArenaRow(title, "device", "", "", note=note)
        virtual = {target.name for target in folder.session.targets if target.virtual}
        groups: dict[str, list[RunResult]] = {}
        for run in runs:
            groups.setdefault(_place(run, virtual), []).append(run)
        for place, group in groups.items():
            yield from _group_rows(title, place, group, Path(folder.path))


def _place(run: RunResult, virtual: Collection[str]) -> str:
    is_virtual = run.cell.target in virtual or run.setting.get("virtual") is True
    return f"{run.cell.target}/{run.cell.variant}{' (virtual device)' * is_virtual}"


def _group_rows(
    title: str, place: str, runs: Sequence[RunResult], folder: Path
) -> Iterator[ArenaRow]:
    printed = next(filter(None, (_printed(run, folder) for run in runs)), None)
    if printed is not None:
        delegate = ", ".join(printed.delegates) or "none"
        yield ArenaRow(
            title,
            f"{place}: printed {printed.moment}-invoke",
            "the tool's",
            delegate,
            printed.normal.get(0),
            printed.persistent.get(0, 0),
        )
    values: dict[str, list[float]] = {}
    for run in runs:
        if run.pass_ == "memory" and isinstance(run.outcome, Measured):
            for each in run.outcome.measurements:
                if each.value is not None and _is_memory(each.metric):
                    values.setdefault(each.metric, []).append(each.value)
    for metric, found in values.items():
        yield ArenaRow(
            title,
            f"{place}: {metric}, median of {len(found)}",
            "the tool's",
            str(runs[0].setting.get("delegate") or "as the variant says"),
            process_bytes=round(median(found)),
        )


def _is_memory(metric: str) -> bool:
    return metric in METRICS and METRICS[metric].family == "memory"


def _printed(run: RunResult, folder: Path) -> InterpreterState | None:
    raw = folder / run.raw
    if not run.raw or not raw.is_dir():
        return None
    for path in sorted(raw.glob("*stdout*")):
        for state in read_states(path.read_bytes().decode("utf-8", errors="replace")):
            return state
    return None


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
