"""What is another one than in the session before: systems, browsers, tools, models, settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.model import Cell, Facts, Measured, ResultFolder, RunResult, Scalar
from harness.report.comparison.factors import factor_of
from harness.report.digest.values import Change
from harness.store.gate_record import EnvironmentChange

FACTORS = ("os", "device", "browser", "tool", "tfjs", "model", "harness", "setting")
"""In the order in which a person is told of them."""
_HOST = "host"
_OF_HOST = {"os": "os", "os_major": "os", "kernel": "os", "python": "harness"}
"""Facts of a session's host → factor; every other one is of the device."""
_OF_HARNESS = ("version", "commit")


def changes_since(folder: ResultFolder, earlier: Sequence[ResultFolder]) -> tuple[Change, ...]:
    """Return the facts that differ, bench by bench, from the latest session that measured there.

    `earlier` are sessions of the same suite, the newest first. What is not known on one side is
    no change.
    """
    found: dict[tuple[object, ...], Change] = {}
    benches = dict.fromkeys(run.bench for run in folder.runs if isinstance(run.outcome, Measured))
    now = _facts_of_cells(folder.runs)
    of_host: ResultFolder | None = None
    for bench in benches:
        before = next((each for each in earlier if _measured_on(each, bench)), None)
        if before is None:
            continue
        if bench == _HOST:
            of_host = before
        then = _facts_of_cells(before.runs)
        for cell, (where, facts) in now.items():
            if where == bench and cell in then and then[cell][0] == bench:
                for change in _of_cell(bench, cell, then[cell][1], facts, before):
                    _add(found, change)
    if of_host is not None:
        for change in _of_session(folder, of_host):
            _add(found, change)
    return tuple(sorted(found.values(), key=_place))


def changes_of_gate(changes: Iterable[EnvironmentChange]) -> tuple[Change, ...]:
    """Return what a gate found changed in the environment since last good."""
    return tuple(
        Change(
            bench=each.bench,
            targets=(),
            factor=factor_of(each.fact, web=True),
            fact=each.fact,
            before=each.before,
            now=each.now,
            since="last good",
        )
        for each in changes
    )


def _facts_of_cells(runs: Iterable[RunResult]) -> dict[Cell, tuple[str, Facts]]:
    """Return the bench and the facts of each cell's first measured run; latency goes first."""
    found: dict[Cell, tuple[str, Facts]] = {}
    for run in sorted(runs, key=lambda run: run.pass_ != "latency"):
        if isinstance(run.outcome, Measured) and run.cell not in found:
            found[run.cell] = (run.bench, {**_named(run), **_settings(run)})
    return found


def _named(run: RunResult) -> Facts:
    # Sizes change with the hashes that are told already.
    return {fact: value for fact, value in run.subject.items() if not fact.endswith("_bytes")}


def _settings(run: RunResult) -> Facts:
    return {**run.setting, "pass": run.pass_}


def _of_cell(
    bench: str, cell: Cell, before: Facts, now: Facts, session: ResultFolder
) -> Iterator[Change]:
    # Two passes of a cell have settings of their own; only the same pass is set against itself.
    if before.get("pass") != now.get("pass"):
        return
    for fact, value in now.items():
        old = before.get(fact)
        if value is None or old is None or value == old:
            continue
        yield Change(
            bench=bench,
            targets=(cell.target,),
            factor=_factor(fact, now),
            fact=fact,
            before=old,
            now=value,
            since=session.session.started_utc,
        )


def _factor(fact: str, facts: Mapping[str, Scalar]) -> str:
    factor = factor_of(fact, web="browser_name" in facts)
    runtime = fact.endswith("_sha256") and fact != "inputs_sha256"
    if factor == "setting" and (runtime or fact in {"node", "litert_js", "onnxruntime_web"}):
        return "tool"
    return factor


def _of_session(folder: ResultFolder, before: ResultFolder) -> Iterator[Change]:
    then, now = before.session.of_bench(_HOST), folder.session.of_bench(_HOST)
    pairs = [
        (_OF_HOST.get(fact, "device"), fact, then.host.get(fact), value)
        for fact, value in now.host.items()
    ]
    pairs += [
        ("harness", f"edgebench {fact}", then.harness.get(fact), now.harness.get(fact))
        for fact in _OF_HARNESS
    ]
    for factor, fact, old, new in pairs:
        if old is not None and new is not None and old != new:
            yield Change(_HOST, (), factor, fact, old, new, then.started_utc)


def _add(found: dict[tuple[object, ...], Change], change: Change) -> None:
    """Add a change, or its targets to the same change of others."""
    key = (change.bench, change.fact, change.before, change.now)
    known = found.get(key)
    if known is None:
        found[key] = change
        return
    targets = tuple(dict.fromkeys((*known.targets, *change.targets)))
    found[key] = Change(
        known.bench, targets, known.factor, known.fact, known.before, known.now, known.since
    )


def _place(change: Change) -> tuple[int, str, str, str, str]:
    place = FACTORS.index(change.factor) if change.factor in FACTORS else len(FACTORS)
    return (place, change.bench, change.fact, str(change.before), str(change.now))


def _measured_on(folder: ResultFolder, bench: str) -> bool:
    return any(run.bench == bench and isinstance(run.outcome, Measured) for run in folder.runs)
