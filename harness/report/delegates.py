"""Which delegate took how much of which file: the compatibility matrix of accelerators.

Everything in it was observed: what the tool or the runtime said of a run, also of one that
failed. What nobody said is a dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import Cell, Column, Failed, RunResult, Scalar, Skipped, Table, TableValue
from harness.report import notes
from harness.report.files import rows_of, several_files
from harness.report.layout import Labels, section_of
from harness.report.outcome_words import in_a_row
from harness.report.summary import CellSummary

_EXTENTS = {"completely": "full", "partially": "partial", "not": "none"}


@dataclass(frozen=True, slots=True)
class _Taken:
    """What one variant's delegate took of one file, as a table shows it; '' where nobody says."""

    text: str = ""
    reason: str = ""


def delegates_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per file and target, a column per variant; None where no delegate shows."""
    taken = {(c.path, c.cell): _taken(c) for c in cells}
    having = {
        (c.session_name, c.cell.target) for c in cells if any(map(_about_delegates, c.latency.runs))
    }
    shown = [cell for cell in cells if (cell.session_name, cell.cell.target) in having]
    asked = any(_asks(run) for cell in shown for run in cell.latency.runs)
    if not shown or not (asked or several_files(shown)):
        return None
    labels = Labels(shown)
    variants = list(dict.fromkeys(cell.cell.variant for cell in shown))
    return Table(
        name="delegates",
        title="Delegates: what each took of each file",
        columns=(*labels.columns, *(Column(f"taken.{name}", name) for name in variants)),
        rows=tuple(
            (
                *labels.of(row.first),
                *(_shown(row.cells.get(name), taken) for name in variants),
            )
            for row in rows_of(shown)
        ),
        notes=(*_meaning(shown, taken), *notes.provenance(shown)),
        section=section_of(shown),
    )


def _shown(cell: CellSummary | None, taken: Mapping[tuple[str, Cell], _Taken]) -> TableValue:
    return (taken[cell.path, cell.cell].text or None) if cell else None


def _about_delegates(run: RunResult) -> bool:
    return _asks(run) or any((*_facts(run, "delegate"), *_facts(run, "xnnpack")))


def _asks(run: RunResult) -> bool:
    asked = run.proof.asked
    return bool(asked.get("delegate")) or asked.get("xnnpack") is True


def _facts(run: RunResult, name: str) -> tuple[Scalar, ...]:
    return tuple(
        value
        for value in (run.proof.observed.get(name), run.setting.get(name))
        if value is not None
    )


def _fact(run: RunResult, name: str) -> Scalar:
    return next(iter(_facts(run, name)), None)


def _taken(cell: CellSummary) -> _Taken:
    """Return what all runs of a cell agree on; the runs that differ stand side by side."""
    told = [_of_run(run) for run in cell.latency.runs]
    texts = dict.fromkeys(each.text for each in told if each.text)
    reasons = dict.fromkeys(each.reason for each in told if each.reason)
    return _Taken("; ".join(texts), "; ".join(reasons))


def _of_run(run: RunResult) -> _Taken:
    if isinstance(run.outcome, Skipped):
        return _Taken("skipped", run.outcome.failure.message)
    extent, delegate = _extent(run), _fact(run, "delegate") or run.proof.asked.get("delegate")
    if delegate is None and _fact(run, "xnnpack") is True:
        delegate = "XNNPACK"
    if isinstance(run.outcome, Failed):
        failure = run.outcome.failure
        return _Taken(in_a_row(run.outcome), failure.message)
    if delegate is None:
        said = _fact(run, "xnnpack") is False or extent == "none"
        return _Taken("none") if said else _Taken(reason="this tool does not say")
    nodes = _nodes(run)
    share = ", ".join(part for part in (extent, nodes) if part)
    if share:
        return _Taken(f"{delegate} {share}")
    return _Taken(
        f"{delegate}, share not said",
        "this build says that it applied the delegate, and not how many nodes it took",
    )


def _extent(run: RunResult) -> str:
    whole, some = _fact(run, "all_nodes_delegated"), _fact(run, "some_nodes_delegated")
    if whole is True:
        return "full"
    if some is False:
        return "none"
    if some is True and whole is False:
        return "partial"
    return _EXTENTS.get(str(_fact(run, "delegation")), "")


def _nodes(run: RunResult) -> str:
    """Return `N of M nodes` as the runtime counted them, '' where it did not."""
    counted = _fact(run, "nodes_delegated")
    taken, total = _fact(run, "delegated_nodes"), _fact(run, "total_nodes")
    if isinstance(taken, int) and isinstance(total, int):
        counted = f"{taken} of {total}"
    return f"{counted} nodes" if counted else ""


def _meaning(
    cells: Sequence[CellSummary], taken: Mapping[tuple[str, Cell], _Taken]
) -> tuple[str, ...]:
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        reason = taken[cell.path, cell.cell].reason
        if reason:
            name = f"{cell.cell.model}/{cell.cell.file} {cell.cell.target}/{cell.cell.variant}"
            reasons.setdefault(reason, {})[name] = None
    return (
        (
            "full, partial, none: how much of the graph the delegate took, with the nodes that the "
            "runtime counted; the rest runs on its own kernels."
        ),
        *(
            f"{reason[:1].upper()}{reason[1:]} ({', '.join(names)})."
            for reason, names in reasons.items()
        ),
    )
