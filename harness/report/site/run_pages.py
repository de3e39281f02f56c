"""The page of one attempt at a run: what was asked, seen and measured, and what it said itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from harness.model import Column, Figure, Measured, RunResult, Table
from harness.pages.document import document, escaped, escaped_lines
from harness.pages.tables import Shown, tables_body
from harness.report.scrubbing import Scrubber
from harness.report.site.addresses import from_below
from harness.report.site.cell_pages import CellSite, outcome_of
from harness.report.site.fact_tables import (
    facts_table,
    measurements_of,
    measurements_table,
    metric_scale,
    told,
)
from harness.report.site.page_files import GENERATOR, home
from harness.report.site.published_results import Raw
from harness.report.site.raw_captures import raw_section
from harness.report.summary import CellSummary

_MOST_SAMPLES = 2_000


def run_page(run: RunResult, cell: CellSummary, site: CellSite, raw: Raw) -> str:
    """Return the page of one attempt."""
    scrubber = site.of.scrubber
    tables = [
        *([measurements_table(run)] if measurements_of(run) else []),
        _proof(run),
        facts_table("setting", "Setting: what must match for a comparison", run.setting),
        facts_table("subject", "Subject: what ran", run.subject),
        facts_table("conditions", "Conditions: free to vary, always shown", run.conditions),
        *_phases(run),
    ]
    shown = [Shown(scrubber.table(table)) for table in tables if table.rows]
    shown += [Shown(scrubber.table(table), folded=True) for table in _samples(run)]
    command = [("Command", "command")] if run.command else []
    body = [
        *_lead(run, scrubber),
        *tables_body(shown, more=(*command, ("Raw capture", "raw"))),
        *_command(run, scrubber),
        *raw_section(raw, run.raw_sha256, scrubber),
    ]
    named = cell.cell
    label = f"{named.model}/{named.file} on {named.target}, {named.variant}"
    return document(
        scrubber.text(f"Run {run.run_id}"),
        body,
        generator=GENERATOR,
        trail=(
            home(),
            (scrubber.text(cell.session_name), from_below(site.addresses.session(cell.path))),
            (scrubber.text(label), from_below(site.addresses.cell(cell.path, run.cell))),
        ),
    )


def _lead(run: RunResult, scrubber: Scrubber) -> Iterator[str]:
    looks = "" if isinstance(run.outcome, Measured) else ' class="failed"'
    yield f"<p{looks}>{escaped(scrubber.text(outcome_of(run)))}</p>"
    if not isinstance(run.outcome, Measured):
        failure = run.outcome.failure
        yield f"<p>{escaped(scrubber.text(failure.message))}</p>"
        yield f"<p>Next step: {escaped(scrubber.text(failure.hint))}</p>"
    yield (
        f'<p class="lead">{escaped(run.pass_)} pass, block {run.block}, number {run.order} in the '
        f"order of runs, attempt {run.attempt}, on {escaped(scrubber.text(run.bench))}; begun "
        f"{escaped(run.started_utc)}, took {run.duration_s:.3g} s.</p>"
    )


def _samples(run: RunResult) -> Iterator[Table]:
    for each in measurements_of(run):
        if not each.samples:
            continue
        scale = metric_scale(each.unit, [abs(value) for value in each.samples])
        kept = each.samples[:_MOST_SAMPLES]
        rows = tuple(
            (str(number), scale.figure(value)) for number, value in enumerate(kept, start=1)
        )
        columns = (Column("number", "number"), Column("value", "value", scale.unit, "right"))
        left = len(each.samples) - len(kept)
        notes = (f"{left} more are in the result folder.",) if left else ()
        title = f"{each.metric}: each of {len(each.samples)}, in order"
        yield Table(f"samples_{each.metric}", title, columns, rows, notes)


def _proof(run: RunResult) -> Table:
    proof = run.proof
    differing = {fact for fact, _, _ in proof.mismatches()}
    names = dict.fromkeys((*proof.asked, *proof.observed))
    rows = tuple(
        (
            name,
            told(proof.asked[name]) if name in proof.asked else "not asked",
            told(proof.observed.get(name)),
            "no: it differs" if name in differing else "yes" if name in proof.asked else None,
        )
        for name in names
    )
    columns = (
        Column("fact", "fact"),
        Column("asked", "asked for"),
        Column("observed", "seen to run"),
        Column("verdict", "proved"),
    )
    return Table("proof", "Proof: what was asked for, and what was seen", columns, rows)


def _phases(run: RunResult) -> Iterator[Table]:
    rows = tuple((name, Figure(value, f"{value:.3g}")) for name, value in run.phases_s.items())
    columns = (Column("phase", "phase"), Column("time", "time", "s", "right"))
    if rows:
        yield Table("phases", "Where the time of the run went", columns, rows)


def _command(run: RunResult, scrubber: Scrubber) -> Iterator[str]:
    if run.command:
        words = shlex.join(scrubber.words(run.command)).replace(" --", " \\\n  --")
        yield '<section id="command"><h2>Command</h2>'
        yield f'<pre tabindex="0">{escaped_lines(words)}</pre></section>'
