"""SIMD × threads: what each of the two gives, and both, over the plain binary with one thread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import Column, Figure, Table, TableValue
from harness.report.cell_ratios import RatioSummary
from harness.report.layout import Labels, called, gain, section_of
from harness.report.numbers import significant
from harness.report.pictures.canvas import WIDTH, Picture, in_parts, opened, xml
from harness.report.ran_as import is_forced
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import cell_ratio

_KINDS = {"plain": "plain", "simd": "SIMD", "threaded-simd": "SIMD"}
_ROWS = ("plain", "SIMD")
_LABEL, _WIDE, _HIGH, _GAP, _TOP, _HEAD = 64, 118, 52, 32, 56, 46
_MOST_PANELS = 24
_DEEPEST = 0.75
_DESCRIPTION = (
    "Each square is a speed-up over the plain binary with one thread, estimated block by block, "
    "with its 95 % interval below it; the deeper its colour, the larger. TF.js has threads in its "
    "SIMD binary alone. A dashed square was forced: a visitor of this machine would have had "
    "fewer threads."
)
_LOOKS = """
  .square { stroke: #8888 } .gain { fill: #1a73e8 } .loss { fill: #c5221f } .none { fill: none }
  .forced { stroke: #888; stroke-dasharray: 4 3; stroke-width: 2 } .small { font-size: 10.5px }
"""


@dataclass(frozen=True, slots=True)
class _Square:
    """One build with so many threads, and its ratio over the base (None of the base itself)."""

    cell: CellSummary
    kind: str
    threads: int
    over: RatioSummary | None

    @property
    def value(self) -> float | None:
        if self.over is None:
            return 1.0
        return self.over.estimate.estimate if self.over.estimate else None


@dataclass(frozen=True, slots=True)
class _Panel:
    """The squares of one model's file on one target."""

    name: str
    squares: tuple[_Square, ...]


def simd_threads_pictures(cells: Sequence[CellSummary]) -> Iterator[Picture]:
    """Return the pictures of each target that ran both binaries, at most 24 files in one."""
    number = 0
    for target in dict.fromkeys(cell.cell.target for cell in cells):
        panels = list(_panels([cell for cell in cells if cell.cell.target == target]))
        for which, members in in_parts(panels, _MOST_PANELS):
            number += 1
            title = f"SIMD × threads: {target}{which}"
            yield Picture(_table(f"simd_threads_{number}", title, members), _svg(title, members))


def _panels(cells: Sequence[CellSummary]) -> Iterator[_Panel]:
    files: dict[tuple[str, str], list[CellSummary]] = {}
    for cell in cells:
        files.setdefault((cell.cell.model, cell.cell.file), []).append(cell)
    for own in files.values():
        found = {key: cell for cell in reversed(own) if cell.time and (key := _key(cell))}
        base = found.get(("plain", 1))
        if base is None or len(found) < 2:
            continue
        squares = (
            _Square(cell, kind, threads, None if cell is base else cell_ratio(cell, base))
            for (kind, threads), cell in sorted(found.items(), key=lambda each: each[0])
        )
        yield _Panel(called(own[0], cells), tuple(squares))


def _key(cell: CellSummary) -> tuple[str, int] | None:
    wasm, threads = cell.observed("wasm"), cell.observed("threads")
    if True in cell.observed("as_shipped") or len(wasm) != 1 or len(threads) != 1:
        return None
    kind, number = _KINDS.get(str(wasm[0])), threads[0]
    return (kind, number) if kind and isinstance(number, int) else None


def _svg(title: str, panels: Sequence[_Panel]) -> str:
    threads = sorted({square.threads for panel in panels for square in panel.squares})
    wide = _LABEL + _WIDE * len(threads)
    in_a_row = max(1, (WIDTH + _GAP) // (wide + _GAP))
    high = _HEAD + _HIGH * len(_ROWS) + _GAP
    height = _TOP + high * math.ceil(len(panels) / in_a_row)
    width = max(WIDTH, wide)
    parts = [
        *opened(title, _DESCRIPTION, width, height, _LOOKS),
        f'<text class="head" x="16" y="28">{xml(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, in_a_row)
        parts += _panel(panel, 16 + column * (wide + _GAP), _TOP + row * high, threads)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: _Panel, left: int, top: int, threads: Sequence[int]) -> Iterator[str]:
    yield f'<text class="head" x="{left}" y="{top + 12}">{xml(panel.name)}</text>'
    known = {(square.kind, square.threads): square for square in panel.squares}
    for column, number in enumerate(threads):
        middle = left + _LABEL + _WIDE * (column + 0.5)
        plural = "" if number == 1 else "s"
        yield (
            f'<text x="{middle}" y="{top + _HEAD - 10}" text-anchor="middle">'
            f"{number} thread{plural}</text>"
        )
    for row, kind in enumerate(_ROWS):
        y = top + _HEAD + _HIGH * row
        yield f'<text x="{left}" y="{y + _HIGH / 2 + 4}">{kind}</text>'
        for column, number in enumerate(threads):
            yield from _square(known.get((kind, number)), left + _LABEL + _WIDE * column, y)


def _square(square: _Square | None, left: int, top: int) -> Iterator[str]:
    value = square.value if square else None
    looks = "none" if value is None else "gain" if value >= 1 else "loss"
    depth = min(_DEEPEST, abs(math.log2(value)) / 5) if value else 0.0
    forced = " forced" if square and is_forced(square.cell) else ""
    told = _told(square)
    yield (
        f'<rect class="square {looks}{forced}" x="{left + 2}" y="{top + 2}" width="{_WIDE - 4}" '
        f'height="{_HIGH - 4}" fill-opacity="{depth:.2f}"><title>{xml(told)}</title></rect>'
    )
    middle = left + _WIDE / 2
    first, second = _texts(square)
    yield f'<text x="{middle}" y="{top + 23}" text-anchor="middle">{xml(first)}</text>'
    yield (
        f'<text class="small" x="{middle}" y="{top + 40}" text-anchor="middle">{xml(second)}</text>'
    )


def _texts(square: _Square | None) -> tuple[str, str]:
    if square is None:
        return ("–", "not measured")
    if square.over is None:
        return ("1×", "by definition")
    found = square.over.estimate
    if found is None:
        return ("–", "no ratio")
    shown = significant(found.estimate)
    if found.low is None or found.high is None:
        return (f"{shown}×", "no interval")
    decimals = len(shown.partition(".")[2])
    return (f"{shown}×", f"[{found.low:.{decimals}f}, {found.high:.{decimals}f}]")


def _told(square: _Square | None) -> str:
    if square is None:
        return "not measured"
    why = square.over.reason if square.over else ""
    return f"{square.cell.cell.label}: {why or ' '.join(_texts(square))}"


def _table(name: str, title: str, panels: Sequence[_Panel]) -> Table:
    squares = [square for panel in panels for square in panel.squares]
    cells = [square.cell for square in squares]
    labels = Labels(cells)
    columns = (
        *labels.columns,
        Column("variant", "variant"),
        Column("build", "build"),
        Column("threads", "threads", align="right"),
        Column("speedup", "over plain, 1 thread", align="right"),
    )
    rows = tuple((*labels.of(square.cell), *_row(square)) for square in squares)
    return Table(name, title, columns, rows, (_DESCRIPTION,), section=section_of(cells))


def _row(square: _Square) -> tuple[TableValue, ...]:
    forced = " forced" if is_forced(square.cell) else ""
    threads = Figure(square.threads, f"{square.threads}{forced}")
    gained = Figure(1.0, "1×") if square.over is None else gain(square.over)
    return (square.cell.cell.variant, square.kind, threads, gained)
