"""Histories and their change points as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby

from harness.counted import counted
from harness.history.keys import family_of, more_is_better
from harness.history.series import (
    ChangePoint,
    Condition,
    FactChange,
    Series,
    SeriesKey,
    SeriesPoint,
    differing,
)
from harness.model import Column, Facts, Figure, Table, TableValue
from harness.report.numbers import (
    BYTES,
    SECONDS,
    Scale,
    count,
    percent,
    scale_for,
    significant,
    without_noise,
)
from harness.report.virtual_section import VIRTUAL_SECTION
from harness.statistics.change_points import (
    BASELINE,
    DEVIATIONS,
    FALSE_DISCOVERIES,
    LEAST_BEFORE,
    MIN_EFFECT,
    NIGHTS_IN_A_ROW,
)

SHOWN_CONDITIONS = (
    ("others_cpu_share", "others' CPU", "%", 100.0),
    ("steal_cpu_share", "steal", "%", 100.0),
    ("load1", "load", "", 1.0),
    ("thermal_status_begin", "thermal status", "", 1.0),
    ("battery_c_begin", "battery", "°C", 1.0),
    ("skin_c_begin", "skin", "°C", 1.0),
    ("frequency_hz_mean", "clock", "GHz", 1e-9),
)
"""Conditions that a history has columns for, where they are known: fact, header, unit, factor."""

_CHANGES_NOTE = (
    f"Before and after: medians of up to {BASELINE} sessions on either side. What changed: between "
    "the last session before and the first after, in what was measured and around it; which of it "
    "is the cause, only an experiment tells (edgebench compare)."
)
_RULE_NOTE = (
    f"Seen by: in a row, {NIGHTS_IN_A_ROW} sessions running beyond {DEVIATIONS:g} robust "
    "deviations of those before; or ranks, rank-CUSUM with "
    f"{percent(FALSE_DISCOVERIES)} false discoveries over the cells of a session. Either by more "
    f"than {percent(MIN_EFFECT)}."
)
_PLAIN = (Scale("", 1.0),)
_HASH_SHOWN = 12
_ALWAYS = frozenset({"day", "n", "median", "spread", "folder"})


def history_tables(histories: Sequence[Series], *, last: int | None = None) -> tuple[Table, ...]:
    """Return for each series its sessions, and its change points where it has any.

    Of the sessions the `last` ones are shown, all if None; of the change points all.
    Series of one cell under several settings say in their titles in which facts they differ.
    """
    found: list[Table] = []
    for series in histories:
        apart = _apart(series.key, [other.key for other in histories])
        found.append(_sessions_table(series, apart, last))
        if series.changes:
            found.append(_changes_of_one(series, apart))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Told:
    """A change point with what its row says of its series, which is not kept."""

    key: SeriesKey
    change: ChangePoint
    at_utc: str
    when: str
    seen: str
    what: str


def regression_tables(
    changed: Iterable[Series], *, since_utc: str, improvements: bool
) -> tuple[tuple[Table, ...], int]:
    """Return the change points seen from then on, a table per metric, and how many are worse.

    Without `improvements` the better ones are left out. Virtual devices stand in their own tables.
    """
    told = [
        _told(series, change)
        for series in changed
        for change in series.changes
        if series.points[change.seen].started_utc >= since_utc
        and (improvements or is_worse(series.key.metric, change))
    ]
    told.sort(key=lambda each: (each.key.virtual, each.key.metric))
    tables = tuple(
        _regressions_table(metric, virtual, list(rows))
        for (virtual, metric), rows in groupby(
            told, key=lambda each: (each.key.virtual, each.key.metric)
        )
    )
    return tables, sum(is_worse(each.key.metric, each.change) for each in told)


def is_worse(metric: str, change: ChangePoint) -> bool:
    """Tell whether a change is for the worse: slower, larger, or of lower quality."""
    return (change.ratio < 1) if more_is_better(metric) else (change.ratio > 1)


def what_changed(series: Series, change: ChangePoint) -> str:
    """Say what of subject and conditions is different in the session where a change begins."""
    point, before = series.points[change.at], series.points[change.at - 1]
    facts = [said_change(each) for each in _telling(point.subject_changes)]
    conditions = [
        f"{fact} {_said(before.conditions[fact])} → {_said(now)}"
        for fact, now in point.conditions.items()
        if fact in before.conditions and _apart_conditions(before.conditions[fact], now)
    ]
    return "; ".join((*facts, *conditions)) or "nothing that is known"


def _telling(changes: Sequence[FactChange]) -> Iterator[FactChange]:
    """Yield changed facts without the hash of what another fact names already."""
    names = {change.fact for change in changes}
    for change in changes:
        named = change.fact.removesuffix("_sha256")
        if named == change.fact or not {named, f"{named}_version"} & names:
            yield change


def said_change(change: FactChange) -> str:
    """Say a changed fact, hashes by their first digits."""
    return f"{change.fact} {_short(change.before)} → {_short(change.now)}"


def _sessions_table(series: Series, apart: str, last: int | None) -> Table:
    scale = _scale(series)
    first = 0 if last is None else max(0, len(series.points) - last)
    places = range(first, len(series.points))
    every = tuple(
        (column, values)
        for column, values in _columns(series, scale, places)
        if column.key in _ALWAYS or any(value is not None for value in values)
    )
    return Table(
        name="history",
        title=f"{series.key.metric} of {series.key.cell.label}{apart}",
        columns=tuple(column for column, _ in every),
        rows=tuple(zip(*(values for _, values in every), strict=True)),
        notes=tuple(_notes(series, first)),
        section=_section(series.key),
    )


def _columns(
    series: Series, scale: Scale, places: range
) -> Iterator[tuple[Column, Sequence[TableValue]]]:
    """Yield every column that a history may have, with its values; those without any go."""
    points = [series.points[place] for place in places]
    starts = {change.at: _change_words(series.key.metric, change) for change in series.changes}
    amounts = [_amounts(point, scale) for point in points]
    yield Column("day", "session (UTC)"), _dates(points)
    yield Column("n", "n", align="right"), [count(point.n) for point in points]
    yield Column("median", "median", scale.unit, "right"), [middle for middle, _ in amounts]
    yield Column("spread", "min–max", scale.unit, "right"), [spread for _, spread in amounts]
    yield Column("change", "change"), [starts.get(place) for place in places]
    changed = ["; ".join(map(said_change, _telling(point.subject_changes))) for point in points]
    yield Column("subject", "changed since the one before"), [text or None for text in changed]
    for fact, word, unit, factor in SHOWN_CONDITIONS:
        ranges = [_scaled(point.conditions.get(fact), factor) for point in points]
        yield Column(fact, word, unit, "right"), ranges
    yield Column("marks", "marked"), [point.marks or None for point in points]
    yield Column("folder", "folder"), _folder_names(points)


def _dates(points: Sequence[SeriesPoint]) -> list[TableValue]:
    """Return the day of each session, with its time where a day has several."""
    days = [point.started_utc[:10] for point in points]
    return list(days if len(set(days)) == len(days) else map(_date, points))


def _folder_names(points: Sequence[SeriesPoint]) -> list[TableValue]:
    """Return the last part of each folder's place, or all of it where that is not enough."""
    names = [point.folder.rpartition("/")[2] for point in points]
    return list(names if len(set(names)) == len(names) else [point.folder for point in points])


def _amounts(point: SeriesPoint, scale: Scale) -> tuple[TableValue, TableValue]:
    if point.median is None or point.low is None or point.high is None:
        return f"invalid: {point.invalid}", None
    figure = scale.figure(point.median, low=point.low, high=point.high)
    return figure, scale.span(point.low, point.high)


def _notes(series: Series, left_out: int) -> Iterator[str]:
    if left_out:
        yield (
            f"{counted(left_out, 'earlier session')} not shown: --last {len(series.points)} "
            "shows all."
        )
    yield (
        "A row is a session; its median and its spread are over n runs, each a fresh process or "
        "browser. The spread is of that session alone: sessions differ by more than it says."
    )
    yield f"Setting: {_said_facts(series.key.setting)}; {series.key.bench}."
    partly = [point for point in series.points if point.invalid and point.n]
    for point in partly:
        yield f"Runs left out as invalid in {point.folder}: {point.invalid}."
    yield _rule_note(series)


def _rule_note(series: Series) -> str:
    if family_of(series.key.metric, series.key.unit) is None:
        return "Change points are looked for in latency, memory, quality and rates, not in this."
    least = LEAST_BEFORE + NIGHTS_IN_A_ROW
    if len(series.points) < least:
        return f"Change points are told from {least} sessions on; here are {len(series.points)}."
    return _RULE_NOTE


def _changes_of_one(series: Series, apart: str) -> Table:
    scale = _scale(series)
    return Table(
        name="change_points",
        title=f"Change points of {series.key.metric} of {series.key.cell.label}{apart}",
        columns=_change_columns(scale),
        rows=tuple(_change_row(_told(series, change), scale) for change in series.changes),
        notes=(_CHANGES_NOTE,),
        section=_section(series.key),
    )


def _regressions_table(metric: str, virtual: bool, told: Sequence[_Told]) -> Table:
    scale = scale_for((each.change.before for each in told), _scales(told[0].key.unit))
    newest_first = sorted(told, key=lambda each: each.at_utc, reverse=True)
    return Table(
        name="regressions",
        title=f"Change points of {metric}",
        columns=_change_columns(scale, ("model", "file", "target", "variant")),
        rows=tuple(_change_row(each, scale, astuple(each.key.cell)) for each in newest_first),
        notes=(_RULE_NOTE, _CHANGES_NOTE),
        section=VIRTUAL_SECTION if virtual else "",
    )


def _told(series: Series, change: ChangePoint) -> _Told:
    return _Told(
        key=series.key,
        change=change,
        at_utc=series.points[change.at].started_utc,
        when=_when(series, change.at),
        seen=_when(series, change.seen),
        what=what_changed(series, change),
    )


def _change_row(
    told: _Told, scale: Scale, names: tuple[TableValue, ...] = ()
) -> tuple[TableValue, ...]:
    return (
        told.when,
        *names,
        scale.figure(told.change.before),
        scale.figure(told.change.after),
        _percent_figure(told.change),
        _change_words(told.key.metric, told.change),
        told.change.rule,
        told.seen,
        told.what,
    )


def _when(series: Series, place: int) -> str:
    return str(_dates(series.points)[place])


def _change_columns(scale: Scale, words: Sequence[str] = ()) -> tuple[Column, ...]:
    return (
        Column("since", "since (UTC)"),
        *(Column(word, word) for word in words),
        Column("before", "before", scale.unit, "right"),
        Column("after", "after", scale.unit, "right"),
        Column("change", "change", "%", "right"),
        Column("verdict", "verdict"),
        Column("rule", "seen by"),
        Column("seen", "seen on"),
        Column("changed", "what changed that night"),
    )


def _percent_figure(change: ChangePoint) -> Figure:
    percent = 100 * (change.ratio - 1)
    sign = "+" if percent > 0 else "−" if percent < 0 else ""
    return Figure(without_noise(percent), sign + significant(abs(percent)))


def _change_words(metric: str, change: ChangePoint) -> str:
    worse = is_worse(metric, change)
    if metric.startswith("latency"):
        return "slower" if worse else "faster"
    return "worse" if worse else "better"


def _date(point: SeriesPoint) -> str:
    return point.started_utc[:16].replace("T", " ")


def _scale(series: Series) -> Scale:
    known = [point.median for point in series.points if point.median is not None]
    return scale_for(known, _scales(series.key.unit))


def _scales(unit: str) -> tuple[Scale, ...]:
    return {"s": SECONDS, "B": BYTES}.get(unit, _PLAIN)


def _section(key: SeriesKey) -> str:
    return VIRTUAL_SECTION if key.virtual else ""


def _apart(key: SeriesKey, all_keys: Sequence[SeriesKey]) -> str:
    """Return what tells a series from the others of its cell, for its title; '' alone."""
    others = [
        {**other.setting, "bench": other.bench}
        for other in all_keys
        if other.cell == key.cell and other.virtual == key.virtual
    ]
    own = {**key.setting, "bench": key.bench}
    facts = dict.fromkeys(change.fact for other in others for change in differing(own, other))
    told = ", ".join(f"{fact} {_short(own.get(fact))}" for fact in facts)
    return f" ({told})" if told else ""


def _scaled(condition: Condition | None, factor: float) -> str | None:
    """Return the range of a number in another unit; None if it is not known, or is no number."""
    if not condition or isinstance(condition[0], str):
        return None
    low, high = (float(value) * factor for value in condition)
    return _said((low, high))


def _said(condition: Condition) -> str:
    if condition and isinstance(condition[0], str):
        return ", ".join(map(str, condition))
    low, high = (f"{float(value):.3g}" for value in condition)
    return low if low == high else f"{low}–{high}"


def _apart_conditions(before: Condition, now: Condition) -> bool:
    """Tell whether conditions are others: other words, or ranges that do not touch."""
    if not before or not now or isinstance(before[0], str) or isinstance(now[0], str):
        return set(before) != set(now)
    return max(map(float, before)) < min(map(float, now)) or max(map(float, now)) < min(
        map(float, before)
    )


def _said_facts(facts: Facts) -> str:
    return ", ".join(f"{fact} {_short(value)}" for fact, value in facts.items() if value != "")


def _short(value: object) -> str:
    text = "–" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    is_hash = len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)
    return text[:_HASH_SHOWN] if is_hash else text
