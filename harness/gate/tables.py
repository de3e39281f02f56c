"""A gate's decision as tables: what, before, now, change with interval, verdict, why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from harness.counted import counted
from harness.gate.decision import IDENTICAL
from harness.gate.observing import LATENCY
from harness.gate.outcomes import FILE_BYTES, NODES, OUTCOME
from harness.model import Column, Figure, Table, TableValue
from harness.report.numbers import BYTES, SECONDS, Scale, scale_for, without_noise
from harness.report.virtual_section import VIRTUAL_SECTION
from harness.store.gate_record import RED, Drift, GateRecord, GateVerdict, Judgement

_ORDER: tuple[GateVerdict, ...] = (
    "regressed",
    "newly failed",
    "missing",
    "environment changed",
    "unclear",
    "improved",
    "not judged",
    "unchanged",
)
_CELL = tuple(Column(word, word) for word in ("model", "file", "target", "variant"))
_END = (Column("verdict", "verdict"), Column("why", "why"))
_COUNT = Scale("", 1.0)


def gate_tables(record: GateRecord) -> tuple[Table, ...]:
    """Return the tables of a decision; the notes below the first say what follows from it."""
    families = (
        ("latency", "Gate: latency", SECONDS, lambda what: what == LATENCY),
        ("memory", "Gate: memory", BYTES, _is_memory),
        ("file_size", "Gate: file sizes", BYTES, lambda what: what == FILE_BYTES),
        ("nodes", "Gate: delegated nodes", (_COUNT,), lambda what: what == NODES),
    )
    tables = [_outcomes(record)]
    for section in ("", VIRTUAL_SECTION):
        # Rows of virtual devices never share a table with those of real ones.
        for name, title, scales, belongs in families:
            own = _of_section(record.judgements, record, section)
            if judged := [each for each in own if belongs(each.what)]:
                table = _family(f"gate_{name}", title, judged, scales)
                tables.append(replace(table, section=section))
        if drift := _of_section(record.drift, record, section):
            tables.append(replace(_drift(drift), section=section))
    if record.environment:
        tables.append(_environment(record))
    return tuple(tables)


_Of = TypeVar("_Of", Judgement, Drift)


def _of_section(every: Iterable[_Of], record: GateRecord, section: str) -> list[_Of]:
    return [each for each in every if (each.cell.target in record.virtual) == bool(section)]


def _is_memory(what: str) -> bool:
    return what not in {LATENCY, FILE_BYTES, NODES, OUTCOME}


def _outcomes(record: GateRecord) -> Table:
    own = [each for each in record.judgements if each.what == OUTCOME]
    shown = [each for each in own if each.verdict != "unchanged" or each.why]
    quiet = len(own) - len(shown)
    notes = list(_what_follows(record))
    if quiet:
        notes.append(f"{counted(quiet, 'cell')} measured as at last good, not listed.")
    return Table(
        name="gate",
        title="Gate: " + ("green" if record.green else "red"),
        columns=(*_CELL, *_END),
        rows=tuple((*_cell(each), each.verdict, each.why or None) for each in _sorted(shown)),
        notes=tuple(notes),
    )


def _what_follows(record: GateRecord) -> Iterator[str]:
    red = [each for each in record.judgements if each.verdict in RED]
    if record.first_night:
        yield "The first night: there was no last good build, so nothing was judged."
    elif not record.green:
        words = ", ".join(
            f"{sum(each.verdict == word for each in red)} {word}"
            for word in _ORDER
            if any(each.verdict == word for each in red)
        )
        yield f"Red: {words}."
    elif record.candidate == record.last_good:
        yield f"Nothing to judge: {IDENTICAL}; failures and the environment were looked at."
    if record.moved:
        yield f"Tonight's build {record.candidate[:12]} is the last good one from now on."
    else:
        yield f"Last good stays {record.last_good[:12] or 'nothing'}: {record.why_not_moved}."


def _family(name: str, title: str, judged: Sequence[Judgement], scales: tuple[Scale, ...]) -> Table:
    amounts = [v for each in judged for v in (each.before, each.now) if v is not None]
    scale = scale_for(amounts, scales) if len(scales) > 1 else scales[0]
    several = name == "gate_memory"
    return Table(
        name=name,
        title=title,
        columns=(
            *_CELL,
            *((Column("what", "method"),) if several else ()),
            Column("before", "before", scale.unit, "right"),
            Column("now", "now", scale.unit, "right"),
            Column("change", "change", "%", "right"),
            Column("blocks", "blocks", align="right"),
            Column("p", "p", align="right"),
            *_END,
        ),
        rows=tuple(
            (
                *_cell(each),
                *((each.what,) if several else ()),
                _amount(each.before, scale),
                _amount(each.now, scale),
                _change(each.change, each.low, each.high),
                Figure(each.blocks, str(each.blocks)) if each.blocks else None,
                None if each.p is None else Figure(each.p, f"{each.p:.2g}"),
                each.verdict,
                each.why or None,
            )
            for each in _sorted(judged)
        ),
        notes=tuple(_rule(name, judged)),
    )


def _rule(name: str, judged: Sequence[Judgement]) -> Iterator[str]:
    least = sorted({each.threshold for each in judged if each.threshold is not None})
    if name == "gate_nodes":
        yield f"Red if more than {least[0]:g} nodes are left over that the delegate took before."
        return
    told = ", ".join(f"{100 * each:g} %" for each in least)
    if name == "gate_file_size":
        yield f"Red if the file grew by more than {told}."
        return
    yield (
        "Change: tonight's build over the last good one, block by block, with its unadjusted 95 % "
        f"interval; red from {told} on if fresh blocks of what screening flagged confirm it (p is "
        "one-sided and adjusted by Holm's rule over all that was flagged)."
    )


def _drift(drift: Sequence[Drift]) -> Table:
    return Table(
        name="gate_drift",
        title="Gate: distance to the pinned reference",
        columns=(
            *_CELL,
            Column("what", "what"),
            Column("change", "change", "%", "right"),
            Column("bound", "bound", "%", "right"),
            Column("verdict", "verdict"),
        ),
        rows=tuple(
            (
                *_cell(each),
                each.what,
                _change(each.change, each.low, each.high),
                None if each.bound is None else Figure(100 * each.bound, f"{100 * each.bound:g}"),
                _far(each),
            )
            for each in sorted(drift, key=lambda each: -each.change)
        ),
        notes=("Last good moves only while everything stays under its bound.",),
    )


def _far(drift: Drift) -> str:
    if not drift.exceeds:
        return "within"
    return "drifted (confirmed)" if drift.confirmed else "too far to move"


def _environment(record: GateRecord) -> Table:
    return Table(
        name="gate_environment",
        title="Gate: environment changed",
        columns=tuple(Column(word, word) for word in ("bench", "fact", "before", "now")),
        rows=tuple(
            (each.bench, each.fact, str(each.before), str(each.now)) for each in record.environment
        ),
        notes=("What cannot be kept with a build; both builds ran in it tonight.",),
    )


def _cell(judged: Judgement | Drift) -> tuple[str, ...]:
    cell = judged.cell
    return (cell.model, cell.file, cell.target, cell.variant)


def _sorted(judged: Iterable[Judgement]) -> list[Judgement]:
    return sorted(judged, key=lambda each: (_ORDER.index(each.verdict), -(each.change or 0.0)))


def _amount(value: float | None, scale: Scale) -> TableValue:
    if value is None:
        return None
    return Figure(value, f"{value:g}") if not scale.unit else scale.figure(value)


def _change(change: float | None, low: float | None, high: float | None) -> TableValue:
    if change is None:
        return None
    text = f"{100 * change:+.1f}"
    if low is None or high is None or low == high:
        return Figure(without_noise(100 * change), text)
    ends = without_noise(100 * low), without_noise(100 * high)
    return Figure(
        without_noise(100 * change), f"{text} [{100 * low:+.1f}, {100 * high:+.1f}]", *ends
    )
