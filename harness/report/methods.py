"""The methods paragraph of a paper or a post: how the numbers of a session came about."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import ResultFolder, Scalar
from harness.report.cell_ratios import distinct
from harness.report.disturbed import disturbed
from harness.report.notes import BLOCKS_OF_A_FULL_LOOK
from harness.report.numbers import significant
from harness.report.published import without_paths
from harness.report.sampling import blocks_made, rule_of
from harness.report.summary import CellSummary, summarise
from harness.statistics.paired import BLOCKS_FOR_AN_INTERVAL, CONFIDENCE


def methods(folders: Sequence[ResultFolder], *, include_virtual: bool) -> str:
    """Return a paragraph per folder, from its session and its measured runs alone.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    paragraphs = []
    for folder in folders:
        cells = [c for c in summarise([folder]) if include_virtual or not c.virtual]
        measured = [cell for cell in cells if cell.time]
        if measured:
            paragraphs.append(" ".join(_sentences(measured)))
    return without_paths("\n\n".join(paragraphs)) + "\n" if paragraphs else ""


def _sentences(cells: Sequence[CellSummary]) -> list[str]:
    session = cells[0].session
    models = dict.fromkeys(cell.cell.model for cell in cells)
    devices = dict.fromkeys(str(d) for cell in cells for d in cell.observed("device"))
    told = [
        (
            f"Latency of {_list(list(models))} was measured on {_list(list(devices))} with "
            f"edgebench {session.harness.get('version')} ({session.started_utc[:10]}, suite "
            f"{session.suite})."
        ),
        (
            f"Runs were made in {blocks_made(cells)}: a block holds one run of every "
            f"configuration of a model, in random order (seed {session.seed})."
        ),
        _sampling(cells),
        _run(cells),
        disturbed(cells),
        _memory(cells),
        _ratios(cells),
    ]
    if session.blocks < BLOCKS_OF_A_FULL_LOOK and session.precision is None:
        told.append(f"This is a quick look: {BLOCKS_OF_A_FULL_LOOK} blocks or more are the rule.")
    versions = [_builds(cells, fact) for fact in ("browser", "tfjs", "tool")]
    told.append("Builds: " + "; ".join(filter(None, versions)) + "." if any(versions) else "")
    return [sentence for sentence in told if sentence]


def _sampling(cells: Sequence[CellSummary]) -> str:
    rule = rule_of(cells[0].session)
    if not rule:
        return ""
    short = [c for c in cells if c.sampling and c.sampling.state != "reached"]
    missed = dict.fromkeys(cell.cell.model for cell in short)
    told = f" Not reached for {_list(list(missed))}." if missed else ""
    return f"{rule[0].upper()}{rule[1:]}.{told}"


def _run(cells: Sequence[CellSummary]) -> str:
    iterations, warm = _settings(cells, "timed_iterations"), _settings(cells, "warmup_iterations")
    statistics = _list(sorted({"median" if c.statistic == "p50" else "mean" for c in cells}))
    ways = _list([str(way) for way in _settings(cells, "method")])
    return (
        f"How a run is made: {ways}. "
        f"A run warmed up for at least {_span(warm)} iterations and then timed up to "
        f"{_span(iterations)}; its {statistics} is one sample, and the time of a configuration is "
        "the median over runs. A run counts only if what ran was proved to be what was asked for."
    )


def _settings(cells: Sequence[CellSummary], fact: str) -> list[Scalar]:
    """Return the values of a setting among the latency runs alone."""
    runs = (run for cell in cells for run in cell.latency.measured)
    return list(distinct(run.setting.get(fact) for run in runs))


def _memory(cells: Sequence[CellSummary]) -> str:
    names = dict.fromkeys(m.metric for c in cells for m in c.memory_metrics if m.n)
    if not names:
        return ""
    return f"Memory was read in runs of its own ({_list(list(names))})."


def _ratios(cells: Sequence[CellSummary]) -> str:
    estimates = [r.estimate for cell in cells for r in cell.ratios if r.estimate]
    if not any(estimate.low is not None for estimate in estimates):
        return f"Ratios have no interval: that takes {BLOCKS_FOR_AN_INTERVAL} blocks."
    effect = " or ".join(
        dict.fromkeys(f"{significant(100 * cell.target.min_effect)} %" for cell in cells)
    )
    return (
        "Speed-ups are Hodges-Lehmann estimates over the log ratios of blocks, with "
        f"{CONFIDENCE:.0%} intervals of the exact Wilcoxon signed-rank distribution, unadjusted; "
        f"differences below {effect} are not called differences."
    )


def _builds(cells: Sequence[CellSummary], fact: str) -> str:
    values = list(dict.fromkeys(str(v) for cell in cells for v in cell.observed(fact)))
    return f"{'TF.js ' if fact == 'tfjs' else ''}{_list(values)}" if values else ""


def _span(numbers: Sequence[object]) -> str:
    known = sorted({n for n in numbers if isinstance(n, int)})
    if not known:
        return "an unknown number of"
    return str(known[0]) if len(known) == 1 else f"{known[0]} to {known[-1]}"


def _list(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1] if names else ""]))
