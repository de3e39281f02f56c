"""The parser against every capture, and against a table that it did not write."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest
from benchmark_model_captures import FIXTURES, Captured, all_captures

from harness.tools.benchmark_model import ToolReading, parse

CAPTURES = all_captures()
with (FIXTURES / "expected.tsv").open() as table:
    EXPECTED = {row["capture"]: row for row in csv.DictReader(table, delimiter="\t")}


def figures(reading: ToolReading) -> dict[str, float | None]:
    numbers = reading.numbers
    if numbers is None:
        return {}
    return {
        "init_us": numbers.init_s,
        "first_us": numbers.first_inference_s,
        "warmup_us": numbers.warmup.mean_s if numbers.warmup else None,
        "average_us": numbers.timed.mean_s,
        "min_us": numbers.timed.min_s,
        "max_us": numbers.timed.max_s,
        "p50_us": numbers.timed.p50_s,
        "p95_us": numbers.timed.p95_s,
        "footprint_init_mb": numbers.footprint_init_bytes,
        "footprint_mb": numbers.footprint_bytes,
        "peak_mb": numbers.peak_rss_bytes,
    }


def in_si(column: str, text: str) -> float | None:
    if text == "-":
        return None
    if column.endswith("_us"):
        return float(Decimal(text) / 1_000_000)
    return float(Decimal(text) * 2**20)


def test_every_capture_has_a_row_and_every_row_a_capture() -> None:
    assert {capture.name for capture in CAPTURES} == set(EXPECTED)
    assert len(CAPTURES) > 130


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_the_parser_agrees_with_the_independent_table(capture: Captured) -> None:
    expected = EXPECTED[capture.name]
    reading = parse(capture.stdout, capture.stderr, capture.exit_code)
    kind = reading.failure.kind if reading.failure else "ok"
    assert kind == expected["class"]
    assert (reading.numbers is None) == (kind != "ok")
    for column, value in figures(reading).items():
        assert value == in_si(column, expected[column]), column
    if reading.numbers:
        assert reading.numbers.timed.count == int(expected["count"])


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_every_failure_says_what_happened_and_what_to_do(capture: Captured) -> None:
    failure = parse(capture.stdout, capture.stderr, capture.exit_code).failure
    if failure:
        assert failure.message
        assert failure.hint
        assert len(failure.message) < 300


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
@pytest.mark.parametrize("exit_code", [1, 134, 137, 139, None])
def test_no_exit_code_but_zero_ever_gives_a_number(
    capture: Captured, exit_code: int | None
) -> None:
    assert parse(capture.stdout, capture.stderr, exit_code).numbers is None


@pytest.mark.parametrize(
    ("name", "threads", "xnnpack", "delegation"),
    [
        ("benchmark_model-litert-f674577/threads2", 2, True, ""),
        ("benchmark_model-litert-f674577/threads_empty", 1045220557, True, ""),
        ("benchmark_model-litert-f674577/xnnpack_false", None, False, ""),
        ("benchmark_model-litert-f674577/xnnpack_true", None, True, "completely"),
        ("benchmark_model-litert-f674577/partial_delegate_conformer", None, True, "partially"),
        ("benchmark_model-litert-f674577/verbose", -1, True, ""),
        ("benchmark_model-2.14.1-debian/ok_cpu", 2, None, ""),
        ("benchmark_model-2.14.1-debian/ok_peakmem", 1, None, ""),
        ("made_up/made_up_e3_gpu_43541", None, None, "completely"),
    ],
)
def test_what_ran_is_read_from_what_the_tool_says(
    name: str, threads: int | None, xnnpack: bool | None, delegation: str
) -> None:
    capture = next(one for one in CAPTURES if one.name == name)
    facts = parse(capture.stdout, capture.stderr, capture.exit_code).facts
    assert (facts.threads, facts.xnnpack, facts.delegation) == (threads, xnnpack, delegation)


def test_the_three_tools_are_told_apart() -> None:
    tools = {
        capture.name: parse(capture.stdout, capture.stderr, 0).facts.tool for capture in CAPTURES
    }
    assert tools["benchmark_model-2.14.1-debian/ok_cpu"] == "benchmark_model"
    assert tools["made_up/made_up_litert_1134"] == "benchmark_litert_model"
    assert tools["litert-python-2.3.0/py_ff"] == "litert-benchmark"


def test_the_coarse_results_of_litert_say_how_coarse_they_are() -> None:
    ticks = {
        name: parse(capture.stdout, capture.stderr, 0).numbers
        for capture in CAPTURES
        if (name := capture.name.rpartition("/")[2]).startswith(("made_up_litert", "py_", "plain"))
    }
    known = {name: numbers.tick_s for name, numbers in ticks.items() if numbers}
    assert known == {
        "plain": 1e-6,
        "plain_merged": 1e-6,
        "made_up_litert_1134": 1e-6,
        "made_up_litert_peak": 1e-6,
        "made_up_litert_results_only": 1e-5,
        "py_ff": 1e-5,
        "py_dummy_cv_model": 1e-5,
        "made_up_litert_python_gpu": 1e-5,
    }
