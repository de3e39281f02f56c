"""A plot's frame, scales and marks as SVG: what all pictures of a report are drawn with.

Texts and names in them are escaped; colours hold on light and on dark ground; each mark has a
`<title>`, which browsers show as a tooltip and screen readers read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias, TypeVar

from harness.model import Table
from harness.report.xml_text import xml_text

WIDTH, HEIGHT = 960, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 44, 56
_LETTER, _LINE = 6.4, 14  # about what a letter is wide and a line is high, in pixels
_GOLDEN_ANGLE = 137.508  # successive hues stay far apart, however many there are
_MOST_TICKS = 8
T = TypeVar("T")
_Box: TypeAlias = tuple[float, float, float]  # of a text: left, base line, width
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #222 }
  .head { font-weight: 600; font-size: 14px }
  .ground { fill: #fff } .frame { fill: none; stroke: #888 } .grid { stroke: #8883 }
  .line { fill: none; stroke-width: 2 }
  .pareto, .ideal { fill: none; stroke: #666; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .bar { stroke-width: 1.5 } .mark:hover { stroke: #000 }
  .claimed { fill-opacity: 0; stroke-dasharray: 4 3; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .ground { fill: #161616 } .frame { stroke: #777 }
    .pareto, .ideal { stroke: #aaa } .mark:hover { stroke: #fff }
  }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished drawing, and the table of the numbers in it, whose name it bears."""

    table: Table
    svg: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text beside a point, so many pixels beside and above it."""

    at: tuple[float, float]
    text: str
    beside: float = 6
    above: float = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a plot: its label, what it spans, and whether it is logarithmic.

    `at` are the values that are marked, where round ones would say less.
    """

    label: str
    low: float
    high: float
    log: bool = False
    at: tuple[float, ...] = ()

    def share(self, value: float) -> float:
        """Return where a value lies between the ends, 0 to 1."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return 0.5 if low == high else (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Return the values that are marked: given ones, else about eight round ones."""
        if self.at:
            return list(self.at)
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)


def axis(label: str, values: Sequence[float], *, log: bool = False, zero: bool = False) -> Axis:
    """Return an axis that holds all values with some room; `zero` makes it begin at 0."""
    low, high = min(values), max(values)
    if log:
        return Axis(label, low / 1.25, high * 1.25, log=True)
    room = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    return Axis(label, 0.0 if zero else low - room, high + room)


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with two axes; marks are given in the axes' own values."""

    title: str
    description: str
    across: Axis
    up: Axis

    def x(self, value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * self.across.share(value)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * self.up.share(value)

    def document(self, marks: Sequence[str]) -> str:
        """Return the whole SVG document with these marks in its frame."""
        lines = [
            *opened(self.title, self.description, WIDTH, HEIGHT),
            f'<text class="head" x="{_LEFT}" y="24">{xml(self.title)}</text>',
            *self._grid(),
            *marks,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def circle(
        self, at: tuple[float, float], told: str, number: int, *, radius: float, claimed: bool
    ) -> str:
        """Return a mark of a measured point, or the dashed ring of a claimed one."""
        colour = hue(number)
        looks = "mark claimed" if claimed else "mark"
        return (
            f'<circle class="{looks}" cx="{self.x(at[0]):.1f}" cy="{self.y(at[1]):.1f}" '
            f'r="{radius:.1f}" fill="{colour}" fill-opacity=".7" stroke="{colour}">'
            f"<title>{xml(told)}</title></circle>"
        )

    def path(self, points: Sequence[tuple[float, float]], looks: str, number: int = 0) -> str:
        """Return a line through points; `looks` is line, pareto or ideal."""
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        colour = f' stroke="{hue(number)}"' if looks == "line" else ""
        return f'<polyline class="{looks}" points="{places}"{colour}/>'

    def bar(self, x: float, low: float, high: float, number: int) -> str:
        """Return an upright interval."""
        across = self.x(x)
        return (
            f'<line class="bar" x1="{across:.1f}" x2="{across:.1f}" y1="{self.y(low):.1f}" '
            f'y2="{self.y(high):.1f}" stroke="{hue(number)}"/>'
        )

    def labels(self, labels: Sequence[Label]) -> Iterator[str]:
        """Yield each label's text, on the side where there is room, none over another."""
        taken: list[_Box] = []
        for label in labels:
            x, wanted = self.x(label.at[0]), self.y(label.at[1]) - label.above
            width = _LETTER * len(label.text)
            end = x + label.beside + width > WIDTH - _RIGHT
            edge = x - label.beside if end else x + label.beside
            left = edge - width if end else edge
            free = (line for line in _lines(wanted) if _is_free((left, line, width), taken))
            y = next(free, wanted)
            taken.append((left, y, width))
            anchor = ' text-anchor="end"' if end else ""
            yield f'<text x="{edge:.1f}" y="{y:.1f}"{anchor}>{xml(label.text)}</text>'

    def _grid(self) -> Iterator[str]:
        right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        for value in self.across.ticks():
            x = f"{self.x(value):.1f}"
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'
            yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{said(value)}</text>'
        for value in self.up.ticks():
            y = self.y(value)
            yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{said(value)}</text>'
        yield (
            f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" '
            f'height="{bottom - _TOP}"/>'
        )
        middle = (_LEFT + right) / 2
        yield (
            f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">'
            f"{xml(self.across.label)}</text>"
        )
        yield (
            f'<text transform="translate(18 {(_TOP + bottom) / 2}) rotate(-90)" '
            f'text-anchor="middle">{xml(self.up.label)}</text>'
        )


def opened(
    title: str, description: str, width: float, height: float, looks: str = ""
) -> Iterator[str]:
    """Give the beginning of an SVG document: its size, its style and `looks`, what it is called."""
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{xml(title)}">'
    )
    yield f"<style>{STYLE}{looks}</style>"
    yield f"<title>{xml(title)}</title>"
    yield f"<desc>{xml(description)}</desc>"
    yield f'<rect class="ground" width="{width}" height="{height}"/>'


def in_parts(members: Sequence[T], most: int) -> Iterator[tuple[str, Sequence[T]]]:
    """Give at most so many members at a time, each time with what to add to the title."""
    parts = [members[at : at + most] for at in range(0, len(members), most)]
    for number, part in enumerate(parts, start=1):
        yield (f" ({number} of {len(parts)})" if len(parts) > 1 else ""), part


def hue(number: int) -> str:
    """Return the colour of the number-th series."""
    return f"hsl({(210 + number * _GOLDEN_ANGLE) % 360:.0f} 60% 50%)"


def xml(text: str) -> str:
    """Return text as it stands in an element or an attribute."""
    return escape(xml_text(text))


def _lines(wanted: float) -> list[float]:
    """Return the heights at which a text may stand, the nearest to the wanted one first."""
    steps = range(-(HEIGHT // _LINE), HEIGHT // _LINE)
    lines = [wanted + step * _LINE for step in steps]
    inside = [line for line in lines if _TOP + 10 <= line <= HEIGHT - _BOTTOM - 4]
    return sorted(inside, key=lambda line: abs(line - wanted))


def _is_free(box: _Box, taken: Sequence[_Box]) -> bool:
    left, line, width = box
    return not any(
        abs(line - other) < _LINE and left < beside + length and beside < left + width
        for beside, other, length in taken
    )


def said(value: float) -> str:
    """Return a marked value as an axis shows it."""
    return f"{value:g}" if abs(value) >= 1e-12 else "0"


def _linear_ticks(low: float, high: float) -> list[float]:
    if high <= low:
        return [low]
    rough = (high - low) / _MOST_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(found) <= _MOST_TICKS:
            return found
    return found[:: math.ceil(len(found) / _MOST_TICKS)]
