"""What a gate's record says that is wrong: a finding for each kind of verdict and target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from shlex import quote

from harness.model import Cell
from harness.report.digest.values import Finding, Trouble, Verdicts
from harness.store.gate_record import RED, GateRecord, GateVerdict, Judgement

_TROUBLES: dict[GateVerdict, Trouble] = {
    "regressed": "regressed",
    "newly failed": "newly failed",
    "missing": "missing",
}


def verdicts_of(gate: GateRecord) -> Verdicts:
    """Return how a gate decided, its judgements counted."""
    return Verdicts(
        green=gate.green,
        moved=gate.moved,
        why_not_moved=gate.why_not_moved,
        decided_utc=gate.decided_utc,
        counts=dict(Counter(each.verdict for each in gate.judgements).most_common()),
    )


def cells_judged(gate: GateRecord, verdict: GateVerdict) -> frozenset[Cell]:
    """Return the cells of which something was judged so."""
    return frozenset(each.cell for each in gate.judgements if each.verdict == verdict)


def gate_findings(gate: GateRecord, folder: str, told: frozenset[Cell]) -> Iterator[Finding]:
    """Return what a gate found wrong; `told` are cells whose failure is told by their runs."""
    groups: dict[tuple[GateVerdict, str, str], list[Judgement]] = {}
    for each in gate.judgements:
        by_runs = each.verdict != "regressed" and each.cell in told
        if each.verdict in RED and not by_runs:
            groups.setdefault((each.verdict, each.what, each.cell.target), []).append(each)
    for (verdict, what, target), own in groups.items():
        worst = sorted(own, key=lambda each: -(inf if each.change is None else each.change))
        yield Finding(
            trouble=_TROUBLES[verdict],
            red=True,
            target=target,
            cells=tuple(dict.fromkeys(each.cell for each in worst)),
            runs=0,
            why=_why(what, worst),
            next_step=_next_step(verdict, worst[0], folder),
        )
    if not groups and not gate.green and not told:
        yield _about_the_gate("gate not green", gate, red=True)
    elif gate.green and not gate.moved and gate.why_not_moved:
        yield _about_the_gate("last good stays", gate, red=False)


def _why(what: str, worst: Sequence[Judgement]) -> str:
    first = worst[0]
    parts = [f"{what} {change_text(first)}".strip() if first.change is not None else what]
    if first.threshold is not None:
        parts.append(f"allowed {100 * first.threshold:.3g} %")
    if first.why:
        parts.append(first.why)
    return ", ".join(parts)


def change_text(judged: Judgement) -> str:
    """Return a change as `+5.2 % [+3.1, +7.4]`; '' where there is no ratio."""
    if judged.change is None:
        return ""
    text = f"{100 * judged.change:+.3g} %"
    if judged.low is None or judged.high is None:
        return text
    return f"{text} [{100 * judged.low:+.3g}, {100 * judged.high:+.3g}]"


def _next_step(verdict: GateVerdict, worst: Judgement, folder: str) -> str:
    if verdict != "regressed":
        return f"see the reason: edgebench table {quote(folder)}"
    cell = quote(worst.cell.label)
    return f"see since when, and what changed that night: edgebench history {cell}"


def _about_the_gate(trouble: Trouble, gate: GateRecord, *, red: bool) -> Finding:
    return Finding(
        trouble=trouble,
        red=red,
        target="",
        cells=(),
        runs=0,
        why=gate.why_not_moved or "the gate's record does not say why",
        next_step="see docs/gate.md for what moves the last good build",
    )
