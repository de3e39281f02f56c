"""The memory map: valid SVG, a rectangle and a tooltip per tensor, whatever their names are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from harness.memory_plan.map_svg import map_svg
from harness.memory_plan.records import OffsetPlan, RecordSet, UsageRecord

NAMES = ["plain", "<script>alert(1)</script>", 'a"b&c', "größe\x00\x1b"]
SVG = "{http://www.w3.org/2000/svg}"


def drawn(names: list[str]) -> ET.Element:
    tensors = tuple(UsageRecord(name, 2**20 * (i + 1), i, i + 1) for i, name in enumerate(names))
    records = RecordSet("model <x>", "here", "intermediates", tensors, len(names) + 1)
    plan = OffsetPlan("greedy by size", tuple(0 for _ in names), 7 * 2**20)
    return ET.fromstring(map_svg(records, plan, tuple((1, i) for i, _ in enumerate(names))))


@pytest.mark.parametrize("names", [NAMES, []])
def test_it_has_a_rectangle_with_a_tooltip_per_tensor_and_panel(names: list[str]) -> None:
    tooltips = [element.text or "" for element in drawn(names).iter(f"{SVG}title")]
    assert len(tooltips) == 2 * len(names)
    for number, name in enumerate(names[:3]):
        assert tooltips[number].startswith(f"{name} [1, {number}]: {2**20 * (number + 1)} bytes")


def test_both_titles_and_the_bound_are_told() -> None:
    texts = [element.text or "" for element in drawn(NAMES).iter(f"{SVG}text")]
    assert "model <x>: naive, 10.000 MiB" in texts
    assert "model <x>: greedy by size, 7.000 MiB" in texts
    assert "lower bound (offset) 7.000 MiB" in texts


def test_time_across_is_the_same_in_both_panels() -> None:
    rectangles = [r for r in drawn(NAMES).iter(f"{SVG}rect") if r.get("class") == "t"]
    upper, lower = rectangles[: len(NAMES)], rectangles[len(NAMES) :]
    for above, below in zip(upper, lower, strict=True):
        assert (above.get("x"), above.get("width")) == (below.get("x"), below.get("width"))
