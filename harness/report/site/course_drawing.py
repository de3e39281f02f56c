"""A metric's course over nights: medians, the band of their runs, lasting changes, new subjects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import median

from harness.report.numbers import Scale
from harness.report.pictures.canvas import WIDTH, Axis, axis, opened, said, xml
from harness.report.site.series import ChangePoint, Night, Series

_LEFT, _RIGHT, _TOP, _HEIGHT, _BOTTOM = 76, 24, 48, 320, 56
_MOST_POINTS = 120
_MOST_DATES = 8
_SPARK_WIDE, _SPARK_HIGH, _MOST_IN_A_SPARK = 120, 24, 90
_DESCRIPTION = (
    "The line joins the medians of nights, the band spans the fastest and slowest run of each. An "
    "upright line is a lasting change with its size; a triangle is a night whose subject was new."
)
_LOOKS = """
  .band { fill: #1a73e8; fill-opacity: .18 } .night { fill: #1a73e8 }
  .nights { fill: none; stroke: #1a73e8; stroke-width: 1.5; stroke-linejoin: round }
  .change { stroke: #c5221f; stroke-width: 1.5 } .level { stroke: #c5221f; stroke-dasharray: 5 3 }
  .told { fill: #c5221f; font-weight: 600 } .new { fill: #b06000 }
  @media (prefers-color-scheme: dark) {
    .told { fill: #f28b82 } .change, .level { stroke: #f28b82 } .new { fill: #fdd663 }
    .night { fill: #8ab4f8 } .nights { stroke: #8ab4f8 }
  }
"""


def course_svg(title: str, series: Series, scale: Scale) -> str:
    """Return the drawing of a series of two nights or more, as an SVG document."""
    days = _days(series.nights)
    across = Axis("", days[0], days[-1])
    ends = [end / scale.size for night in series.nights for end in (night.low, night.high)]
    up = axis(f"{series.metric} ({scale.unit})", ends)
    frame = _Frame(across, up, scale)
    parts = [
        *opened(title, _DESCRIPTION, WIDTH, _HEIGHT, _LOOKS),
        f'<text class="head" x="{_LEFT}" y="24">{xml(title)}</text>',
        *frame.grid(series.nights, days),
        frame.band(series.nights, days),
        frame.line(series.nights, days),
        *frame.points(series.nights, days),
        *(part for change in series.changes for part in frame.change(series, change, days)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def spark_svg(series: Series, told: str) -> str:
    """Return a small drawing of a series, for a row of a table; `told` is what it says in words."""
    values = _thinned([night.value for night in series.nights], _MOST_IN_A_SPARK)
    low, high = min(values), max(values)
    step = _SPARK_WIDE / max(1, len(values) - 1)
    places = [
        f"{number * step:.0f} {_SPARK_HIGH - 2 - (_SPARK_HIGH - 4) * _share(value, low, high):.0f}"
        for number, value in enumerate(values)
    ]
    last = series.changes[-1].night if series.changes else None
    mark = ""
    if last is not None:
        x = _SPARK_WIDE * last / max(1, len(series.nights) - 1)
        share = _share(series.nights[last].value, low, high)
        y = _SPARK_HIGH - 2 - (_SPARK_HIGH - 4) * min(1.0, max(0.0, share))
        mark = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {_SPARK_WIDE} {_SPARK_HIGH}" '
        f'role="img" aria-label="{xml(told)}"><path d="M{"L".join(places)}"/>{mark}</svg>'
    )


class _Frame:
    """The place of a drawing: what is across and up, and the marks in it."""

    def __init__(self, across: Axis, up: Axis, scale: Scale) -> None:
        self._across, self._up, self._scale = across, up, scale

    def x(self, day: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * self._across.share(day)

    def y(self, value: float) -> float:
        """Return the height of an SI value."""
        inside = _HEIGHT - _TOP - _BOTTOM
        return _HEIGHT - _BOTTOM - inside * self._up.share(value / self._scale.size)

    def grid(self, nights: Sequence[Night], days: Sequence[float]) -> Iterator[str]:
        bottom = _HEIGHT - _BOTTOM
        for value in self._up.ticks():
            y = f"{self.y(value * self._scale.size):.1f}"
            yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            yield f'<text x="{_LEFT - 8}" y="{y}" dy="4" text-anchor="end">{said(value)}</text>'
        step = max(1, math.ceil(len(nights) / _MOST_DATES))
        for night, day in list(zip(nights, days, strict=True))[::step]:
            x = f"{self.x(day):.1f}"
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'
            anchor = "start" if day == days[0] else "end" if day == days[-1] else "middle"
            yield (
                f'<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">'
                f"{xml(night.begun_utc[:10])}</text>"
            )
        for night, day in zip(nights, days, strict=True):
            if night.changed:
                told = f"{night.begun_utc[:10]}: {'; '.join(night.changed)}"
                place = f"M{self.x(day):.1f} {bottom + 26}l6 10h-12z"
                yield f'<path class="new" d="{place}"><title>{xml(told)}</title></path>'
        yield (
            f'<text transform="translate(18 {(_TOP + bottom) / 2}) rotate(-90)" '
            f'text-anchor="middle">{xml(self._up.label)}</text>'
        )

    def band(self, nights: Sequence[Night], days: Sequence[float]) -> str:
        above = [f"{self.x(d):.1f},{self.y(n.high):.1f}" for n, d in zip(nights, days, strict=True)]
        below = [f"{self.x(d):.1f},{self.y(n.low):.1f}" for n, d in zip(nights, days, strict=True)]
        return f'<polygon class="band" points="{" ".join((*above, *reversed(below)))}"/>'

    def line(self, nights: Sequence[Night], days: Sequence[float]) -> str:
        at = " ".join(
            f"{self.x(d):.1f},{self.y(n.value):.1f}" for n, d in zip(nights, days, strict=True)
        )
        return f'<polyline class="nights" points="{at}"/>'

    def points(self, nights: Sequence[Night], days: Sequence[float]) -> Iterator[str]:
        if len(nights) > _MOST_POINTS:
            return
        for night, day in zip(nights, days, strict=True):
            told = f"{night.begun_utc[:10]}: {self._scale.text(night.value)} {self._scale.unit}"
            yield (
                f'<circle class="night" cx="{self.x(day):.1f}" cy="{self.y(night.value):.1f}" '
                f'r="3"><title>{xml(told)}</title></circle>'
            )

    def change(self, series: Series, change: ChangePoint, days: Sequence[float]) -> Iterator[str]:
        x, bottom = self.x(days[change.night]), _HEIGHT - _BOTTOM
        yield f'<line class="change" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
        known = [each.night for each in series.changes]
        begin = max((night for night in known if night < change.night), default=0)
        end = min((night for night in known if night > change.night), default=len(days))
        for level, first, last in (
            (change.before, begin, change.night),
            (change.after, change.night, end - 1),
        ):
            y = f"{self.y(level):.1f}"
            yield (
                f'<line class="level" x1="{self.x(days[first]):.1f}" '
                f'x2="{self.x(days[last]):.1f}" y1="{y}" y2="{y}"/>'
            )
        edge = x > WIDTH / 2
        anchor = ' text-anchor="end"' if edge else ""
        yield (
            f'<text class="told" x="{x - 6 if edge else x + 6:.1f}" y="{_TOP + 12}"{anchor}>'
            f"{xml(change_text(change))}</text>"
        )


def change_text(change: ChangePoint) -> str:
    """Return a change as `+5.2 % [4.1, 6.3]`."""
    text = f"{100 * (change.ratio - 1):+.1f} %"
    if change.low is None or change.high is None:
        return text
    return f"{text} [{100 * (change.low - 1):+.1f}, {100 * (change.high - 1):+.1f}]"


def _days(nights: Sequence[Night]) -> list[float]:
    """Return where nights lie in time, in days; a step each where one has no readable date."""
    try:
        return [_day(night.begun_utc) for night in nights]
    except ValueError:
        return [float(number) for number in range(len(nights))]


def _day(begun_utc: str) -> float:
    begun = datetime.fromisoformat(begun_utc)
    known = begun if begun.tzinfo else begun.replace(tzinfo=UTC)
    return known.timestamp() / 86_400


def _thinned(values: Sequence[float], most: int) -> list[float]:
    """Return at most so many values, each the median of its share of them."""
    size = math.ceil(len(values) / most)
    return [median(values[at : at + size]) for at in range(0, len(values), size)]


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if low == high else (value - low) / (high - low)
