"""The sustained tables: what a cell loses under load that goes on, and its series by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Column, Figure, Measured, RunResult, Table, TableValue
from harness.report import notes
from harness.report.layout import Labels, section_of
from harness.report.marks import conditions_column, conditions_of, marked_runs
from harness.report.numbers import SECONDS, Scale, count, scale_for, significant, without_noise
from harness.report.summary import CellSummary, PassSummary

_LATENCY, _BATTERY = "window_latency_mean", "window_battery_temperature"
_SKIN, _CLOCK = "window_skin_temperature", "window_frequency"
_GHZ = Scale("GHz", 1e9)


@dataclass(frozen=True, slots=True)
class _Series:
    """A measured sustained run of a cell: metric → a value per window, in SI units."""

    cell: CellSummary
    one_pass: PassSummary
    run: RunResult
    values: dict[str, tuple[float, ...]]

    @property
    def times_s(self) -> tuple[float, ...]:
        return self.values[_LATENCY]

    def at(self, metric: str, window: int) -> float | None:
        values = self.values.get(metric, ())
        return values[window] if values else None


def sustained_tables(cells: Sequence[CellSummary]) -> tuple[Table, ...]:
    """Return a row per cell, and a row per cell and window; nothing where there is no series."""
    found = [series for cell in cells for series in _series(cell)]
    if not found:
        return ()
    scale = scale_for((time for series in found for time in series.times_s), SECONDS)
    labels = Labels([series.cell for series in found])
    return (_by_cell(found, labels, scale), _by_window(found, labels, scale))


def _series(cell: CellSummary) -> list[_Series]:
    one_pass = cell.extra.get("sustained")
    if one_pass is None:
        return []
    found = []
    for run in one_pass.measured:
        assert isinstance(run.outcome, Measured)
        values = {m.metric: m.samples for m in run.outcome.measurements if m.samples}
        if values.get(_LATENCY):
            found.append(_Series(cell, one_pass, run, values))
    return found


def _by_cell(found: Sequence[_Series], labels: Labels, scale: Scale) -> Table:
    cells = [series.cell for series in found]
    verdicts = conditions_column([series.one_pass for series in found])
    return Table(
        name="sustained",
        title="Sustained load: the first window, the last and the worst",
        columns=(
            *labels.columns,
            Column("variant", "variant"),
            Column("windows", "windows", align="right"),
            *(Column(name, name, scale.unit, "right") for name in ("first", "last", "worst")),
            Column("drift", "last/first", align="right"),
            Column("battery_begin", "battery, first", "°C", "right"),
            Column("battery_end", "battery, last", "°C", "right"),
            Column("clock_begin", "clock, first", "GHz", "right"),
            Column("clock_end", "clock, last", "GHz", "right"),
            *verdicts,
        ),
        rows=tuple(_cell_row(series, labels, scale, marked=bool(verdicts)) for series in found),
        notes=(
            f"Mean latency per window, each a fresh process, back to back ({_windows(found)}).",
            "last/first above 1 is slower at the end. One run per cell, so there is no interval.",
            *_absences(found),
            *marked_runs(cells, "sustained"),
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _by_window(found: Sequence[_Series], labels: Labels, scale: Scale) -> Table:
    cells = [series.cell for series in found]
    return Table(
        name="sustained-series",
        title="Sustained load, window by window",
        columns=(
            *labels.columns,
            Column("variant", "variant"),
            Column("window", "window", align="right"),
            Column("time", "time", scale.unit, "right"),
            Column("battery", "battery", "°C", "right"),
            Column("skin", "skin", "°C", "right"),
            Column("clock", "clock", "GHz", "right"),
        ),
        rows=tuple(
            (
                *labels.of(series.cell),
                series.cell.cell.variant,
                count(window + 1),
                scale.figure(time_s),
                _celsius(series.at(_BATTERY, window)),
                _celsius(series.at(_SKIN, window)),
                _clock(series.at(_CLOCK, window)),
            )
            for series in found
            for window, time_s in enumerate(series.times_s)
        ),
        notes=(
            "battery, skin: after the window; clock: median of the fastest core during it.",
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _cell_row(
    series: _Series, labels: Labels, scale: Scale, *, marked: bool
) -> tuple[TableValue, ...]:
    times_s = series.times_s
    drift = times_s[-1] / times_s[0]
    return (
        *labels.of(series.cell),
        series.cell.cell.variant,
        count(len(times_s)),
        *(scale.figure(time_s) for time_s in (times_s[0], times_s[-1], max(times_s))),
        Figure(without_noise(drift), f"{significant(drift)}×"),
        _celsius(series.at(_BATTERY, 0)),
        _celsius(series.at(_BATTERY, -1)),
        _clock(series.at(_CLOCK, 0)),
        _clock(series.at(_CLOCK, -1)),
        *((conditions_of(series.one_pass),) if marked else ()),
    )


def _celsius(value: float | None) -> Figure | None:
    return None if value is None else Figure(without_noise(value), f"{value:.1f}")


def _clock(value_hz: float | None) -> Figure | None:
    return None if value_hz is None else _GHZ.figure(value_hz)


def _windows(found: Sequence[_Series]) -> str:
    lengths = dict.fromkeys(series.run.setting.get("timed_max_seconds") for series in found)
    shares = [series.run.conditions.get("tool_share") for series in found]
    known = [float(share) for share in shares if isinstance(share, int | float)]
    text = ", ".join(f"{seconds:g} s" for seconds in lengths if isinstance(seconds, int | float))
    least = f"{int(100 * min(known))} %" if known else ""
    running = f"; the tool ran for at least {least} of that time" if known else ""
    return f"windows of {text or 'unknown length'}{running}"


def _absences(found: Sequence[_Series]) -> tuple[str, ...]:
    reasons: dict[str, None] = {}
    for series in found:
        assert isinstance(series.run.outcome, Measured)
        for measurement in series.run.outcome.measurements:
            if measurement.absent:
                reasons[f"No {measurement.metric}: {measurement.absent}."] = None
    return tuple(reasons)
