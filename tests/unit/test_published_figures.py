"""Figures of others stand beside ours, marked, and none is lost or computed with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import suite_fakes
from report_folders import CHROMIUM, SECONDS, failed, folder, session, times

from harness.model import Cell, Figure, Outcome, PublishedFigures
from harness.report import tables
from harness.store.records import session_from_record, session_to_bytes
from harness.suite.finding import SuiteMistakes
from harness.suite.load import parse

LAPTOP = PublishedFigures(
    "laptop", "a README of 2020", {"mobilenet_v2": {"simd": 0.0346, "webgl": 0.0448}}
)
SUITE = """\
suite: s
models:
  net: {generate: mobilenet_v2, seed: 7}
targets:
  web: {driver: web-tfjs, variants: {plain: {wasm: plain}}}
published:
  - {name: laptop, source: a README, latency_ms: {NAME: {plain: 122.7}}}
"""


def published_rows(outcome: Outcome | None = None) -> list[dict[str, object]]:
    record = session((CHROMIUM,), ("mobilenet_v2",), published=(LAPTOP,))

    def outcome_of(cell: Cell, block: int) -> Outcome:
        return outcome or times(SECONDS[cell.model, cell.variant])

    built = {table.name: table for table in tables.build([folder(record, outcome_of)])}
    table = built["published"]
    keys = [column.key for column in table.columns]
    assert [c.header for c in table.columns if c.key == "published.laptop"] == [
        "laptop (published)"
    ]
    assert any("not measured here" in note for note in table.notes)
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


def test_a_published_time_stands_beside_the_measured_one_of_its_variant() -> None:
    simd, webgl = published_rows()
    assert (simd["variant"], simd["target"]) == ("simd", "chromium")
    assert isinstance(simd["time"], Figure)
    assert isinstance(simd["published.laptop"], Figure)
    assert (simd["time"].text, simd["published.laptop"].text) == ("18.7", "34.6")
    assert (webgl["variant"], webgl["target"], webgl["time"]) == ("webgl", None, None)


def test_a_failed_cell_is_never_replaced_by_a_published_time() -> None:
    simd, _ = published_rows(failed())
    assert simd["time"] == "failed"


def test_published_figures_come_back_from_the_session_as_they_were() -> None:
    record = session(published=(LAPTOP,))
    assert session_from_record(json.loads(session_to_bytes(record))) == record


def test_the_suite_says_milliseconds_and_the_plan_has_seconds() -> None:
    suite = parse(SUITE.replace("NAME", "net"), Path("s.yaml"), plugins=suite_fakes.plugins)
    (figures,) = suite.published
    assert figures.latency_s["net"]["plain"] == pytest.approx(0.1227)


def test_figures_of_a_model_that_the_suite_has_not_are_a_mistake_at_their_place() -> None:
    with pytest.raises(SuiteMistakes) as caught:
        parse(SUITE.replace("NAME", "nett"), Path("s.yaml"), plugins=suite_fakes.plugins)
    (finding,) = caught.value.findings
    assert finding.line == 7
    assert "did you mean 'net'" in str(caught.value)
