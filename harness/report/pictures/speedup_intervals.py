"""Declared speed-ups with their intervals, a line each, against the line of no difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import Column, Table
from harness.report.cell_ratios import RatioSummary
from harness.report.layout import Labels, called, gain, section_of
from harness.report.pictures.canvas import WIDTH, Axis, Picture, axis, in_parts, opened, said, xml
from harness.report.summary import CellSummary
from harness.statistics.paired import RatioEstimate

_LEFT, _RIGHT, _TOP, _BOTTOM, _STEP = 300, 180, 56, 48, 24
_MOST_ROWS = 40
_LONGEST_NAME = 44
_DESCRIPTION = (
    "Each point is a speed-up estimated block by block, its bar the 95 % interval; the upright "
    "line is no difference, right of it is faster. A point without a bar has fewer than 6 blocks."
)
_LOOKS = """
  .faster { fill: #188038; stroke: #188038 } .slower { fill: #c5221f; stroke: #c5221f }
  .open { fill: #80868b; stroke: #80868b } .one { stroke: #888; stroke-dasharray: 6 4 }
  @media (prefers-color-scheme: dark) {
    .faster { fill: #81c995; stroke: #81c995 } .slower { fill: #f28b82; stroke: #f28b82 }
  }
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """One declared ratio that was estimated: whose it is and what it is called."""

    cell: CellSummary
    ratio: RatioSummary
    estimate: RatioEstimate
    name: str


def speedup_pictures(cells: Sequence[CellSummary]) -> Iterator[Picture]:
    """Return the pictures of each target's declared ratios, at most 40 lines in one."""
    number = 0
    for target in dict.fromkeys(cell.cell.target for cell in cells):
        lines = list(_lines([cell for cell in cells if cell.cell.target == target]))
        for which, members in in_parts(lines, _MOST_ROWS):
            number += 1
            title = f"Speed-ups with their 95 % intervals: {target}{which}"
            yield Picture(_table(f"speed_ups_{number}", title, members), _svg(title, members))


def _lines(cells: Sequence[CellSummary]) -> Iterator[_Line]:
    for cell in cells:
        for ratio in cell.ratios:
            if ratio.estimate:
                name = f"{called(cell, cells)} {ratio.numerator} vs {ratio.denominator}"
                yield _Line(cell, ratio, ratio.estimate, name)


def _svg(title: str, lines: Sequence[_Line]) -> str:
    height = _TOP + _STEP * len(lines) + _BOTTOM
    ends = [
        end
        for line in lines
        for end in (line.estimate.low, line.estimate.high, line.estimate.estimate)
        if end is not None
    ]
    across = axis("speed-up (×), logarithmic", [1.0, *ends], log=True)
    parts = [
        *opened(title, _DESCRIPTION, WIDTH, height, _LOOKS),
        f'<text class="head" x="16" y="28">{xml(title)}</text>',
        *_grid(across, height - _BOTTOM),
        *(part for row, line in enumerate(lines) for part in _drawn(line, row, across)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid(across: Axis, bottom: int) -> Iterator[str]:
    for value in across.ticks():
        x = _x(across, value)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{said(value)}×</text>'
    one = _x(across, 1.0)
    yield f'<line class="one" x1="{one}" x2="{one}" y1="{_TOP - 8}" y2="{bottom}"/>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text x="{middle}" y="{bottom + 36}" text-anchor="middle">{xml(across.label)}</text>'


def _drawn(line: _Line, row: int, across: Axis) -> Iterator[str]:
    y = _TOP + _STEP * row + _STEP / 2
    verdict = line.ratio.verdict
    looks = verdict if verdict in {"faster", "slower"} else "open"
    told = gain(line.ratio)
    assert told is not None
    short = line.name if len(line.name) <= _LONGEST_NAME else f"{line.name[: _LONGEST_NAME - 1]}…"
    yield f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{xml(short)}</text>'
    if line.estimate.low is not None and line.estimate.high is not None:
        low, high = _x(across, line.estimate.low), _x(across, line.estimate.high)
        yield f'<line class="bar {looks}" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
    yield (
        f'<circle class="mark {looks}" cx="{_x(across, line.estimate.estimate)}" cy="{y}" r="5">'
        f"<title>{xml(f'{line.name}: {told.text}')}</title></circle>"
    )
    yield f'<text x="{WIDTH - _RIGHT + 12}" y="{y + 4}">{xml(told.text)}</text>'


def _x(across: Axis, value: float) -> str:
    return f"{_LEFT + (WIDTH - _LEFT - _RIGHT) * across.share(value):.1f}"


def _table(name: str, title: str, lines: Sequence[_Line]) -> Table:
    cells = [line.cell for line in lines]
    labels = Labels(cells)
    columns = (
        *labels.columns,
        Column("variant", "variant"),
        Column("over", "over"),
        Column("speedup", "speed-up", align="right"),
    )
    rows = tuple(
        (
            *labels.of(line.cell),
            line.ratio.numerator,
            line.ratio.denominator,
            gain(line.ratio),
        )
        for line in lines
    )
    return Table(name, title, columns, rows, (_DESCRIPTION,), section=section_of(cells))
