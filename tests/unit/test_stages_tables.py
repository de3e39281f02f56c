"""The tables of workloads, on made-up runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_folders import CHROMIUM, run, session

from harness.model import Cell, Figure, Measured, Measurement, ResultFolder, Table
from harness.plugins import registry
from harness.report import tables

TARGET = replace(CHROMIUM, variants=("plain", "simd"), ratios=())
TOO_SHORT = "below timer resolution: shorter than 0.0645 ms"


def staged(total_s: float, stages: dict[str, float | None], **frames: float) -> Measured:
    found = [Measurement("latency_p50", "s", total_s), Measurement("latency_mean", "s", total_s)]
    for name, time_s in stages.items():
        absent = "" if time_s else TOO_SHORT
        share = time_s / total_s if time_s else None
        found.append(Measurement(f"stage_p50:{name}", "s", time_s, absent=absent))
        found.append(Measurement(f"stage_mean:{name}", "s", time_s, absent=absent))
        found.append(Measurement(f"stage_share:{name}", "1", share, absent=absent))
    units = {"iteration_rate": "Hz", "dropped_frames": "1"}
    found += [Measurement(name, units[name], value) for name, value in frames.items()]
    return Measured(tuple(found))


def built(outcomes: dict[str, list[Measured]], **setting: float) -> dict[str, Table]:
    runs = tuple(
        run(Cell("video", "fp32", "chromium", variant), block, outcome, setting=setting)
        for variant, found in outcomes.items()
        for block, outcome in enumerate(found, start=1)
    )
    folder = ResultFolder("r", session((TARGET,), ("video",)), runs)
    return {table.name: table for table in tables.build((folder,))}


def texts(table: Table) -> list[list[str | None]]:
    return [[v.text if isinstance(v, Figure) else v for v in row] for row in table.rows]


def test_a_row_per_stage_says_time_share_and_what_is_left() -> None:
    plain = staged(0.0125, {"decode": 0.002, "infer": 0.010, "post": None})
    simd = [staged(0.006, {"decode": 0.002, "infer": x, "post": None}) for x in (0.003, 0.0036)]
    table = built({"plain": [plain], "simd": simd})["stages"]
    assert texts(table) == [
        ["video", "chromium", "plain", "decode", "2.00", "2.00–2.00", "16 %", "1"],
        ["video", "chromium", "plain", "infer", "10.0", "10.0–10.0", "80 %", "1"],
        ["video", "chromium", "plain", "post", None, None, None, "0/1"],
        ["video", "chromium", "plain", "rest", None, None, "4 %", "1"],
        ["video", "chromium", "plain", "whole iteration", "12.5", "12.5–12.5", "100 %", "1"],
        ["video", "chromium", "simd", "decode", "2.00", "2.00–2.00", "33 %", "2"],
        ["video", "chromium", "simd", "infer", "3.30", "3.00–3.60", "55 %", "2"],
        ["video", "chromium", "simd", "post", None, None, None, "0/2"],
        ["video", "chromium", "simd", "rest", None, None, "12 %", "2"],
        ["video", "chromium", "simd", "whole iteration", "6.00", "6.00–6.00", "100 %", "2"],
    ]
    assert {column.unit for column in table.columns} == {"", "ms"}
    note = next(note for note in table.notes if "post" in note)
    assert TOO_SHORT in note
    assert "chromium/plain" in note
    assert "chromium/simd" in note


def test_frames_per_second_stand_beside_those_that_were_dropped() -> None:
    measured = staged(0.05, {}, iteration_rate=20.0, dropped_frames=0.35)
    table = built({"plain": [measured]}, schedule_frames_per_second=30.0)["frames"]
    assert texts(table) == [["video", "chromium", "plain", "20.0", "30.0", "35 %", "1/6"]]


def test_without_a_schedule_nothing_was_dropped_and_nothing_is_claimed() -> None:
    table = built({"plain": [staged(0.05, {}, iteration_rate=20.0)]})["frames"]
    assert texts(table) == [["video", "chromium", "plain", "20.0", None, None, "1/6"]]


def test_models_alone_have_no_tables_of_workloads() -> None:
    found = built({"plain": [Measured((Measurement("latency_p50", "s", 0.01),))]})
    assert not {"stages", "frames"} & found.keys()


@pytest.mark.parametrize("name", ["a|b", "<script>alert(1)</script>", "=1+1", "[x](y)", "a`b"])
@pytest.mark.parametrize("format_", ["markdown", "html", "terminal", "csv", "json"])
def test_a_stages_name_acts_in_no_format(name: str, format_: str) -> None:
    table = built({"plain": [staged(0.01, {name: 0.005})]})["stages"]
    plain_name = built({"plain": [staged(0.01, {"x": 0.005})]})["stages"]
    render = registry("formats").get(format_).render
    shown, usual = render([table]), render([plain_name])
    if format_ in {"html", "markdown"}:
        assert "<script>" not in shown
    if format_ == "markdown":
        rows = [line for line in shown.splitlines() if line.startswith("|")]
        bars = {line.replace("\\|", "").count("|") for line in rows}
        assert len(bars) == 1
    assert len(shown.splitlines()) == len(usual.splitlines())
