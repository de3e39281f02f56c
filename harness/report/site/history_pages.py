"""The page of a cell's course: each metric over nights, what changed when, each night's value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import Column, Figure, Table, TableValue
from harness.pages.document import document, escaped
from harness.pages.tables import RowLooks, Shown, tables_body
from harness.report.numbers import Scale
from harness.report.scrubbing import Scrubber
from harness.report.site.addresses import from_below, history_page
from harness.report.site.course_drawing import change_text, course_svg, spark_svg
from harness.report.site.fact_tables import metric_scale
from harness.report.site.page_files import GENERATOR, home
from harness.report.site.series import ChangePoint, Course, Night, Series

_SPREAD = "value: median over the runs of the night; min–max: the fastest and the slowest of them."
_ELSEWHERE = (
    "Nights without a link stand in result folders that this site was not made of: publish the "
    "named folder to see their runs."
)


def history_page_text(course: Course, scrubber: Scrubber) -> str:
    """Return the page of a course."""
    cell = course.cell
    title = f"{cell.model}/{cell.file} on {cell.target}, {cell.variant}: over nights"
    shown = [each for series in course.series for each in _series(series, scrubber)]
    lead = f'<p class="lead">{escaped(course.rule)}</p>' if course.rule else ""
    return document(
        scrubber.text(title),
        tables_body(shown, after_contents=[lead]),
        generator=GENERATOR,
        trail=(home(),),
    )


def history_table(courses: Sequence[Course], section: str, scrubber: Scrubber) -> Shown | None:
    """Return the entry page's row per metric of each course, with a small drawing; None of none."""
    pairs = [(course, series) for course in courses for series in course.series]
    if not pairs:
        return None
    columns = (
        *(Column(name, name) for name in ("model", "file", "target", "variant", "metric")),
        Column("nights", "nights", align="right"),
        Column("latest", "latest", align="right"),
        Column("changed", "last lasting change"),
    )
    rows = tuple(
        (
            course.cell.model,
            course.cell.file,
            course.cell.target,
            course.cell.variant,
            series.metric,
            Figure(len(series.nights), str(len(series.nights))),
            _latest(series),
            _last_change(series),
        )
        for course, series in pairs
    )
    looks = tuple(
        RowLooks(
            {"": history_page(course), "changed": history_page(course)},
            {"model": course.cell.model, "target": course.cell.target},
        )
        for course, _ in pairs
    )
    rules = tuple(dict.fromkeys(course.rule for course in courses if course.rule))
    notes = (*rules, "Each row leads to the page of its nights, with what changed when.")
    table = scrubber.table(Table("history", "History: over nights", columns, rows, notes, section))
    sparks = tuple(
        spark_svg(series, f"{series.metric} over {len(series.nights)} nights")
        for _, series in pairs
    )
    return Shown(table, looks, interactive=True, sparks=sparks)


def _series(series: Series, scrubber: Scrubber) -> Iterator[Shown]:
    scale = metric_scale(series.unit, [night.value for night in series.nights])
    first, last = (series.nights[place].begun_utc[:10] for place in (0, -1))
    setting = f" ({series.setting})" if series.setting else ""
    title = f"{series.metric.replace('_', ' ')}, {first} to {last}{setting}"
    drawing = course_svg(scrubber.text(title), series, scale)
    yield Shown(Table("course", title, (), ()), drawing=drawing)
    if series.changes:
        yield _changes(series, scale, scrubber)
    yield _nights(series, scale, scrubber)


def _changes(series: Series, scale: Scale, scrubber: Scrubber) -> Shown:
    title = f"Lasting changes of {series.metric.replace('_', ' ')}"
    columns = (
        Column("night", "since"),
        Column("before", "before", scale.unit, "right"),
        Column("after", "after", scale.unit, "right"),
        Column("change", "change", align="right"),
        Column("subject", "what was new that night"),
    )
    rows = tuple(
        (
            series.nights[each.night].begun_utc[:10],
            scale.figure(each.before),
            scale.figure(each.after),
            Figure(each.ratio - 1, change_text(each)),
            "; ".join(series.nights[each.night].changed) or "nothing that is recorded",
        )
        for each in series.changes
    )
    looks = tuple(_looks(series.nights[each.night]) for each in series.changes)
    return Shown(scrubber.table(Table("changes", title, columns, rows)), looks)


def _nights(series: Series, scale: Scale, scrubber: Scrubber) -> Shown:
    columns = (
        Column("night", "night (UTC)"),
        Column("value", "value", scale.unit, "right"),
        Column("spread", "min–max", scale.unit, "right"),
        Column("runs", "n", align="right"),
        Column("folder", "result folder"),
        Column("subject", "new since the night before"),
        Column("standing", "standing"),
    )
    newest_first = series.nights[::-1]
    rows: tuple[tuple[TableValue, ...], ...] = tuple(
        (
            night.begun_utc[:16].replace("T", " "),
            scale.figure(night.value, low=night.low, high=night.high),
            scale.span(night.low, night.high),
            Figure(night.runs, str(night.runs)),
            night.folder,
            "; ".join(night.changed) or None,
            night.standing or None,
        )
        for night in newest_first
    )
    looks = tuple(_looks(night) for night in newest_first)
    elsewhere = () if all(night.page for night in newest_first) else (_ELSEWHERE,)
    notes = (_SPREAD, *elsewhere, *series.without)
    table = Table("nights", f"Nights of {series.metric.replace('_', ' ')}", columns, rows, notes)
    return Shown(scrubber.table(table), looks)


def _looks(night: Night) -> RowLooks:
    return RowLooks({"": from_below(night.page)} if night.page else {})


def _latest(series: Series) -> Figure:
    latest = series.nights[-1]
    scale = metric_scale(series.unit, [latest.value])
    return Figure(latest.value, f"{scale.text(latest.value)} {scale.unit}".strip())


def _last_change(series: Series) -> str | None:
    if not series.changes:
        return None
    last: ChangePoint = series.changes[-1]
    return f"{series.nights[last.night].begun_utc[:10]}: {change_text(last)}"
