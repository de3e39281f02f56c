"""Memory maps of a session's models: their planned totals, and a drawing with its tensors each.

Everything comes from the result folder: the facts of the model's file and the tensors that were
kept when the session began (`plan_memory: true`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.memory_plan.bounds import naive_bytes, offset_bound
from harness.memory_plan.comparison import OFFSET_ROWS
from harness.memory_plan.kept_tensors import KeptTensors
from harness.memory_plan.map_svg import map_svg
from harness.memory_plan.records import OffsetPlan
from harness.memory_plan.strategies import OFFSET
from harness.memory_plan.tables import mebibytes
from harness.model import Column, Facts, Figure, Table

SECTION = "Planned memory: computed from the models, not measured"
_DIGITS = 8
_MEANING = (
    "Planned for intermediate tensors alone: least is the best offset strategy, lower bound the "
    "most bytes that live during one operator, naive each tensor by itself. TFLite arena: with "
    "inputs, outputs and scratch memory of the built-in kernels, one thread, no delegate. None of "
    "it is what a process takes: that has weights, code and workspaces too."
)
_READING = (
    "Operators in the order of execution across, offsets up, a rectangle per tensor; the naive "
    "layout above the plan, the plan's lower bound dashed."
)


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One model file of a session: `model/file`, its facts, and its tensors where they are kept."""

    name: str
    facts: Facts
    tensors: KeptTensors | None


@dataclass(frozen=True, slots=True)
class _Map:
    name: str
    facts: Facts
    tensors: KeptTensors
    plan: OffsetPlan


@dataclass(frozen=True, slots=True)
class MemoryMaps:
    """The tables of planned memory, and drawings by the name of the table that they belong to."""

    tables: tuple[Table, ...]
    drawings: Mapping[str, str]


def memory_maps(files: Sequence[PlannedFile]) -> MemoryMaps:
    """Return the maps of these files, each file once; nothing where nothing was planned."""
    known = _told_apart(files)
    maps = [_planned(each) for each in known if each.tensors is not None]
    notes = tuple(dict.fromkeys(_without_map(known)))
    if not (maps or notes):
        return MemoryMaps((), {})
    tables = [_totals(maps, notes)]
    drawings = {}
    for number, each in enumerate(maps, start=1):
        name = f"memory_map_{number}"
        tables.append(_tensors_table(name, each))
        drawings[name] = map_svg(each.tensors.records, each.plan, each.tensors.shapes)
    return MemoryMaps(tuple(tables), drawings)


def _told_apart(files: Sequence[PlannedFile]) -> list[PlannedFile]:
    """Return each file once, with its tensors if any folder has them; equal names get a hash."""
    known: dict[tuple[str, str], PlannedFile] = {}
    for each in files:
        key = (each.name, str(each.facts.get("tflite_sha256")))
        if key not in known or known[key].tensors is None:
            known[key] = each
    names = Counter(name for name, _ in known)
    return [
        replace(each, name=f"{name} ({digest[:_DIGITS]})") if names[name] > 1 else each
        for (name, digest), each in known.items()
    ]


def _planned(file: PlannedFile) -> _Map:
    assert file.tensors is not None
    records = file.tensors.records
    plans = [OFFSET[name](records) for name in OFFSET_ROWS]
    least = min(plans, key=lambda plan: plan.total_bytes)
    return _Map(file.name, file.facts, file.tensors, least)


def _without_map(files: Iterable[PlannedFile]) -> Iterator[str]:
    for each in files:
        if each.tensors is not None:
            continue
        if reason := each.facts.get("planned_absent"):
            yield f"No planned memory of {each.name}: {reason}."
        elif "planned_least_bytes" in each.facts:
            yield (
                f"No map of {each.name}: its folder was made before tensors were kept; the memory "
                "table has its totals, and a new session has the map."
            )


def _totals(maps: Sequence[_Map], notes: Sequence[str]) -> Table:
    columns = (
        Column("model", "model"),
        Column("planned_arena", "TFLite arena", "MiB", "right"),
        Column("planned_least", "least", "MiB", "right"),
        Column("strategy", "by strategy"),
        Column("bound", "lower bound (offset)", "MiB", "right"),
        Column("planned_naive", "naive", "MiB", "right"),
        Column("tensors", "tensors", align="right"),
    )
    rows = tuple(
        (
            each.name,
            _kept(each.facts.get("planned_arena_bytes")),
            mebibytes(each.plan.total_bytes),
            each.plan.strategy,
            mebibytes(offset_bound(each.tensors.records)),
            mebibytes(naive_bytes(each.tensors.records)),
            Figure(len(each.tensors.records.records), str(len(each.tensors.records.records))),
        )
        for each in maps
    )
    meaning = (_MEANING,) if maps else ()
    differing = tuple(
        f"{each.name}: this edgebench plans {each.plan.total_bytes} bytes, the one that measured "
        f"planned {kept}."
        for each in maps
        if (kept := each.facts.get("planned_least_bytes")) != each.plan.total_bytes
    )
    title = "Planned memory of each model"
    return Table(
        "planned_memory", title, columns, rows, (*meaning, *differing, *notes), section=SECTION
    )


def _kept(value: object) -> Figure | None:
    return mebibytes(value) if isinstance(value, int) else None


def _tensors_table(name: str, drawn: _Map) -> Table:
    columns = (
        Column("tensor", "tensor"),
        Column("shape", "shape"),
        Column("bytes", "size", "bytes", "right"),
        Column("first", "first operator", align="right"),
        Column("last", "last operator", align="right"),
        Column("offset", "offset", "bytes", "right"),
    )
    tensors = drawn.tensors
    rows = tuple(
        (
            record.name,
            " × ".join(map(str, shape)),
            _whole(record.size_bytes),
            _whole(record.first),
            _whole(record.last),
            _whole(offset),
        )
        for record, shape, offset in zip(
            tensors.records.records, tensors.shapes, drawn.plan.offsets, strict=True
        )
    )
    return Table(name, f"Memory map of {drawn.name}", columns, rows, (_READING,), section=SECTION)


def _whole(number: int) -> Figure:
    return Figure(number, str(number))
