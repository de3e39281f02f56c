"""The page of a session: where and how it was measured, what it planned, and its cells."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from harness.model import Column, Facts, Figure, SessionRecord, Table
from harness.pages.document import document, escaped_lines
from harness.pages.tables import RowLooks, Shown, tables_body
from harness.report.latency import why_no_time
from harness.report.notes import made_from
from harness.report.numbers import SECONDS, count, scale_for
from harness.report.sampling import blocks_asked, rule_of
from harness.report.site.addresses import from_below
from harness.report.site.cell_pages import CellSite
from harness.report.site.fact_tables import facts_table, told
from harness.report.site.page_files import GENERATOR, home
from harness.report.site.published_results import FolderToPublish
from harness.report.site.standings import standings
from harness.report.summary import CellSummary
from harness.store.gate_record import Judgement


def session_page(folder: FolderToPublish, cells: Sequence[CellSummary], site: CellSite) -> str:
    """Return the page of a folder's session; `cells` are those of it that are published."""
    session, scrubber = folder.results.session, site.of.scrubber
    tables = [
        facts_table("session", "Session", _session_facts(session)),
        *_places(session),
        _targets(session),
        _models(session),
        facts_table("files", "Files of the result folder", _files(folder)),
    ]
    shown = [
        _cells(cells, site),
        *_gate(folder, cells, site),
        *(Shown(scrubber.table(table)) for table in tables if table.rows),
    ]
    body = [*tables_body(shown), *_command(session, site)]
    title = f"{session.suite}: {folder.results.path}"
    return document(scrubber.text(title), body, generator=GENERATOR, trail=(home(),))


def _places(session: SessionRecord) -> Iterator[Table]:
    """Yield by which build and where it was measured: of each session, if several were merged."""
    if not session.merged:
        yield facts_table("harness", "edgebench", session.harness)
        yield facts_table("host", "This host", session.host)
    for number, part in enumerate(session.merged, start=1):
        where = f"{part.session.label}, which measured on {', '.join(part.benches) or 'nothing'}"
        yield facts_table(f"harness-{number}", f"edgebench of {where}", part.session.harness)
        yield facts_table(f"host-{number}", f"Host of {where}", part.session.host)


def _session_facts(session: SessionRecord) -> Facts:
    return {
        "suite": session.suite,
        "suite_sha256": session.suite_sha256,
        "label": session.label,
        "started_utc": session.started_utc,
        "seed": session.seed,
        "blocks": blocks_asked(session),
        **({"rule of blocks": rule} if (rule := rule_of(session)) else {}),
        "memory_runs": session.memory_runs,
        "added_blocks": session.added_blocks,
        "base_model": session.base_model,
        "disturbed_above": session.disturbed_above,
        "replace_disturbed": session.replace_disturbed,
        **({"made from": origin} if (origin := made_from(session)) else {}),
    }


def _files(folder: FolderToPublish) -> Facts:
    return {f"sha256 of {name}": digest for name, digest in folder.digests.items()}


def _targets(session: SessionRecord) -> Table:
    columns = tuple(
        Column(name, name)
        for name in ("target", "driver", "bench", "variants", "baseline", "smallest effect")
    )
    rows = tuple(
        (
            f"{each.name} (virtual)" if each.virtual else each.name,
            each.driver,
            each.bench,
            ", ".join(each.variants),
            each.baseline,
            f"{100 * each.min_effect:g} %",
        )
        for each in session.targets
    )
    return Table("targets", "Targets", columns, rows)


def _models(session: SessionRecord) -> Table:
    rows = tuple(
        (name, "; ".join(f"{fact} {told(value)}" for fact, value in facts.items()))
        for name, facts in session.models.items()
    )
    return Table(
        "models", "Files of models", (Column("file", "file"), Column("facts", "facts")), rows
    )


def _cells(cells: Sequence[CellSummary], site: CellSite) -> Shown:
    scale = scale_for((cell.time.median for cell in cells if cell.time), SECONDS)
    columns = (
        *(Column(name, name) for name in ("model", "file", "target", "variant")),
        Column("time", "time", scale.unit, "right"),
        Column("runs", "n", align="right"),
        Column("standing", "standing"),
    )
    rows = tuple(
        (
            cell.cell.model,
            cell.cell.file,
            cell.cell.target,
            cell.cell.variant,
            scale.figure(cell.time.median) if cell.time else None,
            count(cell.time.n if cell.time else 0, cell.latency.planned),
            "; ".join(standings(cell, site.of.stale_since).values())
            or (None if cell.time else why_no_time(cell)),
        )
        for cell in cells
    )
    looks = tuple(
        RowLooks({"": from_below(site.addresses.cell(cell.path, cell.cell))}) for cell in cells
    )
    return Shown(site.of.scrubber.table(Table("cells", "Cells", columns, rows)), looks)


def _gate(folder: FolderToPublish, cells: Sequence[CellSummary], site: CellSite) -> Iterator[Shown]:
    if folder.gate is None:
        return
    known = {cell.cell for cell in cells}
    judged = [each for each in folder.gate.judgements if each.cell in known]
    columns = (
        *(Column(name, name) for name in ("model", "file", "target", "variant")),
        Column("what", "what"),
        Column("verdict", "verdict"),
        Column("change", "change", align="right"),
        Column("why", "why"),
    )
    rows = tuple(
        (
            each.cell.model,
            each.cell.file,
            each.cell.target,
            each.cell.variant,
            each.what,
            each.verdict,
            _change(each),
            each.why or None,
        )
        for each in judged
    )
    looks = tuple(
        RowLooks({"": from_below(site.addresses.cell(folder.results.path, each.cell))})
        for each in judged
    )
    decided = "green" if folder.gate.green else "red"
    title = f"What the gate decided against the last good build: {decided}"
    yield Shown(site.of.scrubber.table(Table("gate", title, columns, rows)), looks)


def _change(each: Judgement) -> Figure | None:
    if each.change is None:
        return None
    text = f"{100 * each.change:+.1f} %"
    if each.low is not None and each.high is not None:
        text += f" [{100 * each.low:+.1f}, {100 * each.high:+.1f}]"
    return Figure(each.change, text, each.low, each.high)


def _command(session: SessionRecord, site: CellSite) -> Iterator[str]:
    words = shlex.join(site.of.scrubber.words(session.command))
    yield '<section id="command"><h2>Command</h2>'
    yield f'<pre tabindex="0">{escaped_lines(words)}</pre></section>'
