"""What a gate's record says that is wrong: a finding for each kind of verdict and target.

Red is what `edgebench gate` ends with 1 for: a red verdict, a cell that neither build gave tonight,
or a drift that fresh blocks proved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from shlex import quote

from harness.model import Cell
from harness.report.digest.values import Finding, Trouble, Verdicts
from harness.store.gate_record import RED, Drift, GateRecord, GateVerdict, Judgement

_OUTCOME = "outcome"
_TROUBLES: dict[GateVerdict, Trouble] = {
    "regressed": "regressed",
    "newly failed": "newly failed",
    "missing": "missing",
    "environment changed": "environment changed",
}


def verdicts_of(gate: GateRecord) -> Verdicts:
    """Return how a gate decided, its judgements counted."""
    return Verdicts(
        green=gate.green,
        first_night=gate.first_night,
        moved=gate.moved,
        why_not_moved=gate.why_not_moved,
        decided_utc=gate.decided_utc,
        counts=dict(Counter(each.verdict for each in gate.judgements).most_common()),
    )


def weighed(findings: Sequence[Finding], gate: GateRecord) -> tuple[Finding, ...]:
    """Return what runs tell, red only where the gate says that it is new since last good.

    What fails as it did at last good is to be watched. On a first night nothing is known of that.
    """
    if gate.first_night:
        return tuple(findings)
    return tuple(_weighed(finding, gate) for finding in findings)


def gate_findings(gate: GateRecord, folder: str, told: frozenset[Cell]) -> Iterator[Finding]:
    """Return what a gate found wrong; `told` are cells whose failure is told by their runs."""
    groups: dict[tuple[GateVerdict, str, str], list[Judgement]] = {}
    for each in gate.judgements:
        by_runs = each.what == _OUTCOME and each.cell in told
        if _is_red(each) and not by_runs:
            groups.setdefault((each.verdict, each.what, each.cell.target), []).append(each)
    for (verdict, what, target), own in groups.items():
        worst = sorted(own, key=lambda each: -(inf if each.change is None else each.change))
        yield Finding(
            trouble=_TROUBLES[verdict],
            red=True,
            target=target,
            cells=tuple(dict.fromkeys(each.cell for each in worst)),
            runs=0,
            why=_why(what, worst[0]),
            next_step=_next_step(verdict, worst[0], folder),
        )
    yield from _drifted(gate)
    if not groups and not gate.green and not told:
        yield _about_the_gate("gate not green", gate, red=True)
    elif gate.green and not gate.moved and gate.why_not_moved:
        yield _about_the_gate("last good stays", gate, red=False)


def _weighed(finding: Finding, gate: GateRecord) -> Finding:
    if not finding.red or not finding.cells:
        return finding
    new = [each for each in gate.judgements if each.what == _OUTCOME and _is_red(each)]
    touched = [each for each in new if each.cell in finding.cells]
    verdicts = {each.verdict for each in touched}
    whole = {each.cell for each in touched}.issuperset(finding.cells)
    named: Trouble = "newly failed" if whole and verdicts == {"newly failed"} else finding.trouble
    return replace(finding, red=bool(touched), trouble=named)


def _is_red(judged: Judgement) -> bool:
    lost = judged.verdict == "environment changed" and judged.what == _OUTCOME
    return judged.verdict in RED or lost


def _drifted(gate: GateRecord) -> Iterator[Finding]:
    proved: dict[tuple[str, str], list[Drift]] = {}
    for each in gate.drift:
        if each.confirmed:
            proved.setdefault((each.what, each.cell.target), []).append(each)
    for (what, target), own in proved.items():
        worst = sorted(own, key=lambda each: -each.change)
        first = worst[0]
        bound = "" if first.bound is None else f", allowed {_percent(first.bound)}"
        change = _change(first.change, first.low, first.high)
        yield Finding(
            trouble="drifted",
            red=True,
            target=target,
            cells=tuple(dict.fromkeys(each.cell for each in worst)),
            runs=0,
            why=f"{what} {change} from the pinned reference{bound}",
            next_step="find what crept in since then; if it is meant: edgebench gate SUITE "
            f"--accept {_selection(first.cell)}",
        )


def _why(what: str, first: Judgement) -> str:
    parts = [what]
    if first.change is not None:
        parts = [f"{what} {_change(first.change, first.low, first.high)}"]
    elif first.before is not None and first.now is not None:
        parts = [f"{what} {first.before:g} → {first.now:g}"]
    if first.threshold is not None:
        counted = first.unit == "1"
        allowed = f"{first.threshold:g}" if counted else _percent(first.threshold)
        parts.append(f"allowed {allowed}")
    if first.why:
        parts.append(first.why)
    return ", ".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _change(change: float, low: float | None, high: float | None) -> str:
    """Return a change as `+5.2 % [+3.1, +7.4]`."""
    text = f"{100 * change:+.3g} %"
    if low is None or high is None or low == high:
        return text
    return f"{text} [{100 * low:+.3g}, {100 * high:+.3g}]"


def _next_step(verdict: GateVerdict, worst: Judgement, folder: str) -> str:
    if verdict != "regressed":
        return f"see the reason: edgebench table {quote(folder)}"
    cell = quote(worst.cell.label)
    return f"see since when, and what changed that night: edgebench history {cell}"


def _selection(cell: Cell) -> str:
    words = f"model={cell.model},file={cell.file},target={cell.target},variant={cell.variant}"
    return quote(words)


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
