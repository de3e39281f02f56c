"""The page of one cell of a folder: its numbers, the runs behind them, and what these share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.metrics import METRICS
from harness.model import (
    Cell,
    Column,
    Facts,
    Failed,
    Figure,
    Measured,
    RunResult,
    Table,
    TableValue,
)
from harness.pages.document import document, escaped, link
from harness.pages.tables import RowLooks, Shown, tables_body
from harness.report.cell_ratios import RatioSummary, verdict_of
from harness.report.numbers import SECONDS, Scale, ratio, scale_for, significant
from harness.report.pictures.canvas import Axis, Plot, axis
from harness.report.site.addresses import Addresses, from_below, history_page
from harness.report.site.fact_tables import common_facts, facts_table, measurements_of, metric_scale
from harness.report.site.page_files import GENERATOR, home
from harness.report.site.published_results import PublishedResults, key_of
from harness.report.site.series import Courses
from harness.report.site.standings import standings
from harness.report.summary import CellSummary, PassSummary

_TITLES = {
    "latency": "Latency runs",
    "memory": "Memory runs",
    "quality": "Quality runs",
    "ops": "Profiled runs",
    "sustained": "Sustained runs",
}
_SHARED: tuple[tuple[str, str, Callable[[RunResult], Facts]], ...] = (
    ("setting", "Setting: what must match for a comparison", lambda run: run.setting),
    ("subject", "Subject: what ran", lambda run: run.subject),
)


@dataclass(frozen=True, slots=True)
class CellSite:
    """What pages of cells need to know: all results, their addresses, every cell and every run."""

    of: PublishedResults
    addresses: Addresses
    cells: Mapping[tuple[str, Cell], CellSummary]
    attempts: Mapping[tuple[str, Cell], Sequence[RunResult]]
    courses: Courses


def cell_page(cell: CellSummary, site: CellSite) -> str:
    """Return the page of a cell."""
    title = f"{cell.cell.model}/{cell.cell.file} on {cell.cell.target}, {cell.cell.variant}"
    runs = (*cell.latency.measured, *cell.memory.measured)
    shown = [
        *_passes(cell, site),
        *_ratios(cell, site),
        *(
            Shown(site.of.scrubber.table(facts_table(name, told, common_facts(runs, facts_of))))
            for name, told, facts_of in _SHARED
            if runs
        ),
    ]
    session = site.addresses.session(cell.path)
    return document(
        site.of.scrubber.text(title),
        tables_body(shown, after_contents=_lead(cell, site)),
        generator=GENERATOR,
        trail=(home(), (site.of.scrubber.text(cell.session_name), from_below(session))),
    )


def _lead(cell: CellSummary, site: CellSite) -> Iterator[str]:
    time = cell.time
    if time:
        scale = scale_for([time.median], SECONDS)
        yield (
            f'<p class="lead">Latency: median over {time.n} runs of each run\'s '
            f"{escaped(cell.statistic)} {escaped(scale.text(time.median))} {scale.unit}, "
            f"from {escaped(scale.text(time.low))} to {escaped(scale.text(time.high))} "
            f"{scale.unit}.</p>"
        )
    else:
        yield '<p class="lead">No latency.</p>'
    said = standings(cell, site.of.stale_since)
    if said:
        items = "".join(
            f"<li>{escaped(site.of.scrubber.text(text))}</li>" for text in said.values()
        )
        yield f'<ul class="doubt">{items}</ul>'
    course = site.courses.get(key_of(cell))
    if course:
        yield f"<p>{link('Its course over nights', from_below(history_page(course)))}</p>"


def _passes(cell: CellSummary, site: CellSite) -> Iterator[Shown]:
    attempts = site.attempts.get(key_of(cell), ())
    for name, one_pass in cell.passes.items():
        own = [run for run in attempts if run.pass_ == name]
        if not own:
            continue
        if name == "latency" and cell.time:
            yield Shown(
                Table("course", "Each run that counts, by block", (), ()), drawing=_drawn(cell)
            )
        rows = tuple(RowLooks({"": from_below(site.addresses.run(cell.path, run))}) for run in own)
        table = _runs_table(name, own, one_pass)
        yield Shown(site.of.scrubber.table(table), rows)


def _runs_table(name: str, runs: Sequence[RunResult], one_pass: PassSummary) -> Table:
    metrics = _metrics(runs)
    scales = {metric: _scale(metric, runs) for metric in metrics}
    counting = {id(run) for run in one_pass.runs}
    aside = {id(run) for run in one_pass.left_out}
    columns = (
        Column("run", "run"),
        Column("block", "block", align="right"),
        Column("attempt", "attempt", align="right"),
        Column("outcome", "outcome"),
        *(Column(m, m.replace("_", " "), scales[m].unit, "right") for m in metrics),
        Column("counts", "counts"),
        Column("conditions", "conditions"),
        Column("started", "started (UTC)"),
    )
    rows = tuple(
        (
            run.run_id,
            Figure(run.block, str(run.block)),
            Figure(run.attempt, str(run.attempt)),
            outcome_of(run),
            *(_value(run, metric, scales[metric]) for metric in metrics),
            _counts(run, counting, aside),
            verdict_of(run) or None,
            run.started_utc[:19].replace("T", " "),
        )
        for run in runs
    )
    planned = max(one_pass.planned, len(one_pass.runs))
    note = (
        f"{len(one_pass.measured)} of {planned} planned runs count; each number leads to its run, "
        "with what was asked, what was seen, and what the run said itself."
    )
    return Table(f"runs_{name}", _TITLES.get(name, name), columns, rows, (note,))


def outcome_of(run: RunResult) -> str:
    """Say in a few words how a run ended."""
    outcome = run.outcome
    if isinstance(outcome, Measured):
        return "measured"
    word = "failed" if isinstance(outcome, Failed) else "skipped"
    return f"{word}: {outcome.failure.kind}"


def _metrics(runs: Sequence[RunResult]) -> list[str]:
    seen = dict.fromkeys(m.metric for run in runs for m in measurements_of(run))
    order = list(METRICS)
    return sorted(seen, key=lambda name: order.index(name) if name in METRICS else len(order))


def _scale(metric: str, runs: Sequence[RunResult]) -> Scale:
    found = [m for run in runs for m in measurements_of(run) if m.metric == metric]
    values = [abs(m.value) for m in found if m.value is not None]
    return metric_scale(found[0].unit, values) if values else Scale("", 1.0)


def _value(run: RunResult, metric: str, scale: Scale) -> TableValue:
    for each in measurements_of(run):
        if each.metric == metric:
            if each.value is not None:
                return scale.figure(each.value)
            return f"{len(each.samples)} samples" if each.samples else None
    return None


def _counts(run: RunResult, counting: set[int], aside: set[int]) -> str:
    if id(run) in aside:
        return "no: its block was disturbed, and replaced"
    if id(run) not in counting:
        return "no: a later attempt took its place"
    return "yes" if isinstance(run.outcome, Measured) else "no: it has no number"


def _drawn(cell: CellSummary) -> str:
    assert cell.time is not None
    scale = scale_for([cell.time.median], SECONDS)
    values = [(float(block), value / scale.size) for (_, block), value in cell.time.by_block]
    blocks = tuple(sorted({block for block, _ in values}))
    across = Axis(
        "block", blocks[0] - 0.5, blocks[-1] + 0.5, at=blocks if len(blocks) <= 20 else ()
    )
    up = axis(f"{cell.statistic} of the run ({scale.unit})", [value for _, value in values])
    plot = Plot("Runs by block", "A point per run that counts.", across, up)
    middle = cell.time.median / scale.size
    marks = [plot.path([(across.low, middle), (across.high, middle)], "ideal")]
    marks += [
        plot.circle(
            at, f"block {at[0]:g}: {significant(at[1])} {scale.unit}", 0, radius=5, claimed=False
        )
        for at in values
    ]
    return plot.document(marks)


def _ratios(cell: CellSummary, site: CellSite) -> Iterator[Shown]:
    named = [(found, Cell(*_same(cell), found.denominator)) for found in cell.ratios]
    if not named:
        return
    rows, looks = [], []
    for found, other in named:
        rows.append(_ratio_row(found))
        page = from_below(site.addresses.cell(cell.path, other))
        looks.append(RowLooks({"over": page} if (cell.path, other) in site.cells else {}))
    columns = (
        Column("over", "over"),
        Column("speedup", "speed-up", align="right"),
        Column("verdict", "verdict"),
        Column("blocks", "blocks", align="right"),
        Column("marked", "with marked runs", align="right"),
    )
    table = Table("ratios", "Speed-ups of this cell", columns, tuple(rows))
    yield Shown(site.of.scrubber.table(table), tuple(looks))
    for found, other in named:
        theirs = site.cells.get((cell.path, other))
        if found.estimate and theirs:
            yield _block_by_block(cell, theirs, site)


def _same(cell: CellSummary) -> tuple[str, str, str]:
    return (cell.cell.model, cell.cell.file, cell.cell.target)


def _ratio_row(found: RatioSummary) -> tuple[TableValue, ...]:
    if found.estimate is None:
        return (found.denominator, None, f"no ratio: {found.reason}", None, None)
    return (
        found.denominator,
        ratio(found.estimate),
        found.verdict,
        Figure(found.estimate.blocks, str(found.estimate.blocks)),
        Figure(found.marked_blocks, str(found.marked_blocks)),
    )


def _block_by_block(cell: CellSummary, other: CellSummary, site: CellSite) -> Shown:
    assert cell.time is not None
    assert other.time is not None
    theirs, ours = dict(other.time.by_block), dict(cell.time.by_block)
    scale = scale_for([*theirs.values(), *ours.values()], SECONDS)
    runs = [_by_block(each) for each in (cell, other)]
    rows, looks = [], []
    for block, time in theirs.items():
        if block not in ours:
            continue
        value = time / ours[block]
        rows.append(
            (
                str(block[1]),
                scale.figure(ours[block]),
                scale.figure(time),
                Figure(value, f"{significant(value)}×"),
            )
        )
        pages = [
            from_below(site.addresses.run(each.path, found[block]))
            for each, found in zip((cell, other), runs, strict=True)
        ]
        looks.append(RowLooks({"this": pages[0], "other": pages[1], "ratio": pages[0]}))
    name, over = cell.cell.variant, other.cell.variant
    columns = (
        Column("block", "block"),
        Column("this", name, scale.unit, "right"),
        Column("other", over, scale.unit, "right"),
        Column("ratio", f"{name} vs {over}", align="right"),
    )
    title = f"Block by block: {name} vs {over}"
    table = Table("blocks", title, columns, tuple(rows))
    return Shown(site.of.scrubber.table(table), tuple(looks))


def _by_block(cell: CellSummary) -> dict[tuple[str, int], RunResult]:
    return {(run.bench, run.block): run for run in cell.latency.measured}
