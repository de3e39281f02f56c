"""The 2-D memory map as SVG: operators across, offsets up, one rectangle per tensor.

Above stands the naive layout, where every tensor has a place of its own; below it, on the same
time axis, the plan, with its lower bound as a dashed line. Nothing is needed to show it: plain
rectangles, a `<title>` each for a tooltip, colours that hold on light and on dark ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape as escaped

from harness.memory_plan.bounds import naive_bytes, offset_bound
from harness.memory_plan.records import OffsetPlan, RecordSet, UsageRecord

_MIB = 2**20
_WIDTH, _LEFT, _RIGHT = 960, 72, 16
_PLAN_HEIGHT, _NAIVE_HEIGHT_MOST, _HEAD, _GAP = 300, 420, 44, 40
_GOLDEN_ANGLE = 137.508  # successive hues stay far apart, however many there are
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #222 }
  .head { font-weight: 600; font-size: 14px }
  .frame { fill: none; stroke: #888 }
  .ground { fill: #fff }
  .bound { stroke: #c00; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .bound-text { fill: #c00 }
  rect.t { stroke: #0006; stroke-width: .5 }
  rect.t:hover { stroke: #000; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .ground { fill: #161616 } .frame { stroke: #777 }
    .bound { stroke: #ff7b72 } .bound-text { fill: #ff7b72 } rect.t:hover { stroke: #fff }
  }
"""


@dataclass(frozen=True, slots=True)
class _Panel:
    """One picture of the two: where it stands, and how many pixels a byte and a task have."""

    top: float
    height: float
    total_bytes: int
    tasks: int

    def x(self, task: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * task / max(self.tasks, 1)

    def y(self, offset_bytes: float) -> float:
        return self.top + self.height * (1 - offset_bytes / max(self.total_bytes, 1))


def map_svg(records: RecordSet, plan: OffsetPlan, shapes: Sequence[tuple[int, ...]] = ()) -> str:
    """Return the map of a plan of these records, as an SVG document; names in it are escaped.

    `shapes` are those of the tensors in the order of the records, where they are known.
    """
    labels = _labels(records.records, shapes)
    naive = _naive_offsets(records.records)
    total_naive = naive_bytes(records)
    # Both panels have one scale, as long as the naive one does not get out of hand.
    wanted = _PLAN_HEIGHT * total_naive / max(plan.total_bytes, 1)
    upper = _Panel(_HEAD, min(wanted, _NAIVE_HEIGHT_MOST), total_naive, records.tasks)
    top = upper.top + upper.height + _GAP + _HEAD
    lower = _Panel(top, _PLAN_HEIGHT, plan.total_bytes, records.tasks)
    height = round(lower.top + lower.height + _GAP)
    bound = offset_bound(records)
    title = f"{records.title}: {plan.strategy}, {_mib(plan.total_bytes)}"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" aria-label="{_xml(title)}">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        *_panel(
            upper, f"{records.title}: naive, {_mib(total_naive)}", records.records, naive, labels
        ),
        *_panel(lower, title, records.records, plan.offsets, labels),
        *_bound(lower, bound),
        (
            f'<text x="{_LEFT}" y="{height - 8}">operators in the order of execution: '
            f"0 to {max(records.tasks - 1, 0)}; offsets up; {len(records.records)} tensors "
            f"({_xml(records.kind)})</text>"
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _naive_offsets(records: Sequence[UsageRecord]) -> tuple[int, ...]:
    offsets, end = [], 0
    for record in records:
        offsets.append(end)
        end += record.size_bytes
    return tuple(offsets)


def _labels(records: Sequence[UsageRecord], shapes: Sequence[tuple[int, ...]]) -> list[str]:
    sizes = [f" {list(shape)}" for shape in shapes] or [""] * len(records)
    return [
        f"{record.name}{size}: {record.size_bytes} bytes, operators {record.first} to {record.last}"
        for record, size in zip(records, sizes, strict=True)
    ]


def _panel(
    panel: _Panel,
    title: str,
    records: Sequence[UsageRecord],
    offsets: Sequence[int],
    labels: Sequence[str],
) -> Iterator[str]:
    # Above the bound's label, which stands on the panel's top where a plan meets its bound.
    yield f'<text class="head" x="{_LEFT}" y="{panel.top - 20:.1f}">{_xml(title)}</text>'
    for number, (record, offset) in enumerate(zip(records, offsets, strict=True)):
        told = f"{labels[number]}, at {offset}"
        yield _rectangle(panel, record, offset, told, number)
    yield (
        f'<rect class="frame" x="{_LEFT}" y="{panel.top:.1f}" '
        f'width="{panel.x(panel.tasks) - _LEFT:.1f}" height="{panel.height:.1f}"/>'
    )
    for share in (0, 0.5, 1):
        at = panel.total_bytes * share
        yield (
            f'<text x="{_LEFT - 6}" y="{panel.y(at) + 4:.1f}" text-anchor="end">'
            f"{at / _MIB:.2f}</text>"
        )
    yield (
        f'<text transform="translate(16 {panel.top + panel.height / 2:.1f}) rotate(-90)" '
        'text-anchor="middle">MiB</text>'
    )


def _rectangle(panel: _Panel, record: UsageRecord, offset: int, told: str, number: int) -> str:
    left, right = panel.x(record.first), panel.x(record.last + 1)
    top, bottom = panel.y(offset + record.size_bytes), panel.y(offset)
    return (
        f'<rect class="t" x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}" '
        f'height="{bottom - top:.2f}" fill="hsl({number * _GOLDEN_ANGLE % 360:.0f} 55% 58%)">'
        f"<title>{_xml(told)}</title></rect>"
    )


def _bound(panel: _Panel, bound_bytes: int) -> Iterator[str]:
    y = panel.y(bound_bytes)
    yield (f'<line class="bound" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    yield (
        f'<text class="bound-text" x="{_WIDTH - _RIGHT - 4}" y="{y - 5:.1f}" text-anchor="end">'
        f"lower bound (offset) {_mib(bound_bytes)}</text>"
    )


def _xml(text: str) -> str:
    """Return text as XML may hold it: control characters have no place there, even escaped."""
    return escaped("".join(char if char.isprintable() else "\ufffd" for char in text))


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.3f} MiB"
