"""Pictures show measured cells and nothing else, in SVG that any reader takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import failed, folder, run, session, times

from harness.model import (
    Cell,
    Figure,
    Measured,
    Measurement,
    Outcome,
    ResultFolder,
    TargetRecord,
)
from harness.report.pictures.all_pictures import pictures
from harness.report.pictures.canvas import HEIGHT, Axis, Label, Picture, Plot, axis
from harness.report.pictures.latency_quality import Point, pareto

SVG = "{http://www.w3.org/2000/svg}"
LENGTHS = (16, 64, 256)
SIZES = {"fp32": 400_000, "int8": 100_000}
TARGET = TargetRecord("page", "web-tfjs", "host", False, ("simd",), None, (), 0.02)
NUMBERS = st.floats(1e-6, 1e6)
SHARES = st.floats(0, 1)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30)


def points(pairs: Sequence[tuple[float, float]]) -> list[Point]:
    return [Point(str(n), "f1", t, q, None, None, 1, False) for n, (t, q) in enumerate(pairs)]


@settings(deadline=None)
@given(POINTS)
def test_the_line_has_exactly_what_nothing_beats(pairs: list[tuple[float, float]]) -> None:
    every = points(pairs)
    line = pareto(every)

    def beaten(point: Point) -> bool:
        return any(
            other.time_s <= point.time_s
            and other.quality >= point.quality
            and (other.time_s, other.quality) != (point.time_s, point.quality)
            for other in every
        )

    on_line = {(point.time_s, point.quality) for point in line}
    assert on_line == {(p.time_s, p.quality) for p in every if not beaten(p)}
    assert [p.time_s for p in line] == sorted(p.time_s for p in line)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=20), st.booleans())
def test_every_value_and_every_tick_lies_within_the_frame(values: list[float], log: bool) -> None:
    made = axis("a", values, log=log)
    assert all(0 <= made.share(value) <= 1 for value in values)
    assert len(made.ticks()) <= 10
    assert all(-1e-9 <= made.share(tick) <= 1 + 1e-9 for tick in made.ticks())


def test_a_logarithmic_axis_gives_each_doubling_the_same_room() -> None:
    made = Axis("n", 16, 256, log=True)
    assert [made.share(n) for n in (16, 64, 256)] == pytest.approx([0, 0.5, 1])


def results(
    *, quality: bool = True, broken: str = "", name: str = "encoder", length: str = "history"
) -> ResultFolder:
    """One network at three lengths in two files, with a quality pass that grows with length."""
    models = {f"{name}-{n}": n for n in LENGTHS}
    cells = tuple(Cell(model, file, "page", "simd") for model in models for file in SIZES)
    record = session((TARGET,), cells=cells)
    record = replace(
        record,
        models={
            f"{cell.model}/{cell.file}": {
                "tfjs_sha256": digest_of(cell),
                "tfjs_bytes": SIZES[cell.file],
                "evaluate": "recall@10",
            }
            for cell in cells
        },
        axes={model: {length: n} for model, n in models.items()},
        origins=dict.fromkeys(models, name),
    )

    def outcome_of(cell: Cell, block: int) -> Outcome:
        if cell.model == broken:
            return failed()
        return times(1e-4 * models[cell.model] * (0.5 if cell.file == "int8" else 1))

    measured = folder(record, outcome_of)
    scored = [
        run(
            cell,
            1,
            Measured((Measurement("quality_recall@10", "1", models[cell.model] / 300),)),
            pass_="quality",
            conditions={"quality_low": 0.01, "quality_high": 0.9, "quality_examples": 50},
        )
        for cell in cells
        if quality
    ]
    runs = [
        replace(each, subject={**each.subject, "model_sha256": digest_of(each.cell)})
        for each in (*measured.runs, *scored)
    ]
    return replace(measured, runs=tuple(runs))


def digest_of(cell: Cell) -> str:
    return f"{cell.model}/{cell.file}".encode().hex()


def drawn(of: ResultFolder) -> dict[str, Picture]:
    return {picture.table.name: picture for picture in pictures([of])}


def circles(picture: Picture) -> list[ET.Element]:
    return list(ET.fromstring(picture.svg).iter(f"{SVG}circle"))


def test_each_measured_cell_is_one_bubble_whose_area_is_its_size() -> None:
    picture = drawn(results())["latency_quality_1"]
    bubbles = circles(picture)
    assert len(bubbles) == len(picture.table.rows) == len(LENGTHS) * len(SIZES)
    radii = sorted({float(bubble.get("r", "")) for bubble in bubbles})
    assert (radii[1] / radii[0]) ** 2 == pytest.approx(SIZES["fp32"] / SIZES["int8"], rel=0.05)
    # The int8 files are faster and as good here, so they alone are on the line.
    on_line = [row[0] for row in picture.table.rows if row[-1] == "yes"]
    assert on_line == [f"encoder-{n}/int8 simd" for n in LENGTHS]


def test_cells_that_answered_different_sets_share_no_line() -> None:
    told = results()
    runs = [
        replace(each, setting={**each.setting, "labelled_sha256": digest_of(each.cell)})
        if each.pass_ == "quality"
        else each
        for each in told.runs
    ]
    picture = drawn(replace(told, runs=tuple(runs)))["latency_quality_1"]
    assert len(circles(picture)) == len(LENGTHS) * len(SIZES)
    assert not list(ET.fromstring(picture.svg).iter(f"{SVG}polyline"))
    assert not any(row[-1] for row in picture.table.rows)
    assert "different labelled sets" in picture.table.notes[0]


def test_times_that_are_far_apart_have_a_logarithmic_axis() -> None:
    points = circles(drawn(results())["latency_over_axis_1"])
    # Each length is four times the last and takes four times as long: a straight line.
    heights = [float(point.get("cy", "")) for point in points[: len(LENGTHS)]]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)


@settings(deadline=None)
@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=12))
def test_texts_beside_points_stand_in_the_frame_and_not_over_each_other(
    places: list[tuple[float, float]],
) -> None:
    plot = Plot("t", "d", Axis("x", 0, 1), Axis("y", 0, 1))
    texts = [ET.fromstring(text) for text in plot.labels([Label(at, "name") for at in places])]
    boxes = [
        (float(text.get("x", "")), float(text.get("y", "")), text.get("text-anchor"))
        for text in texts
    ]
    assert all(0 < y < HEIGHT for _, y, _ in boxes)
    for n, (x, y, anchor) in enumerate(boxes):
        for other_x, other_y, other_anchor in boxes[:n]:
            if anchor == other_anchor:
                assert abs(x - other_x) > 20 or abs(y - other_y) > 10


def test_a_line_over_an_axis_has_its_points_in_order_and_one_line_per_file() -> None:
    picture = drawn(results())["latency_over_axis_1"]
    assert picture.table.title == "Latency over history"
    rows = [(row[0], row[1], row[2]) for row in picture.table.rows]
    assert [row[:2] for row in rows] == [
        (f"page · encoder · simd{file}", str(n))
        for file in ("", " · int8")
        for n in ("16", "64", "256")
    ]
    assert all(isinstance(row[2], Figure) for row in rows)
    lines = list(ET.fromstring(picture.svg).iter(f"{SVG}polyline"))
    assert len(lines) == len(SIZES)


def test_a_failed_cell_has_no_point() -> None:
    shown = drawn(results(broken="encoder-64"))
    assert len(circles(shown["latency_quality_1"])) == 4
    assert len(circles(shown["latency_over_axis_1"])) == 4
    assert "encoder-64" not in shown["latency_quality_1"].svg


def test_without_quality_there_is_no_picture_of_it() -> None:
    assert list(drawn(results(quality=False))) == ["latency_over_axis_1"]


def test_hostile_names_stay_text() -> None:
    for picture in drawn(results(name="<script>&\x07", length="<b>")).values():
        root = ET.fromstring(picture.svg)
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            *("svg", "style", "title", "desc", "rect", "text", "line", "circle", "polyline"),
        }
