"""The multi-option tool, and outputs whose exit code nobody noted; real captures, then damaged."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from benchmark_model_captures import FIXTURES, Captured, all_captures
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tools.benchmark_model import Numbers, OptionReading, parse, parse_options

CAPTURES = all_captures()
BY_NAME = {capture.name: capture for capture in CAPTURES}
with (FIXTURES / "expected_options.tsv").open() as table:
    ROWS = list(csv.DictReader(table, delimiter="\t"))
SEVERAL = list(dict.fromkeys(row["capture"] for row in ROWS))
ALL = BY_NAME["benchmark_model-litert-f674577/perfgpu_all"]
FAILED = BY_NAME["made_up/made_up_e3_perf_options_failed"]
many = settings(max_examples=150, deadline=None)


def read(capture: Captured) -> tuple[OptionReading, ...]:
    return parse_options(capture.stdout, capture.stderr, capture.exit_code)


def seconds(text: str) -> float | None:
    return None if text == "-" else float(Decimal(text) / 1_000_000)


@pytest.mark.parametrize("name", SEVERAL)
def test_every_option_agrees_with_the_independent_table(name: str) -> None:
    expected = {row["option"]: row for row in ROWS if row["capture"] == name}
    readings = {reading.label: reading for reading in read(BY_NAME[name])}
    assert set(readings) == set(expected)
    for label, reading in readings.items():
        row = expected[label]
        assert (reading.failure.kind if reading.failure else "ok") == row["class"]
        if row["class"] != "ok":
            assert reading.outcome == "failed"
            assert reading.failure
            assert reading.failure.hint
            continue
        assert reading.outcome == "measured"
        assert reading.numbers
        timed = reading.numbers.timed
        assert timed.count == int(row["count"])
        assert timed.mean_s == seconds(row["average_us"])
        assert (timed.min_s, timed.max_s) == (seconds(row["min_us"]), seconds(row["max_us"]))
        assert (timed.p50_s, timed.p95_s) == (seconds(row["p50_us"]), seconds(row["p95_us"]))


def test_every_capture_of_the_multi_option_tool_is_in_the_table() -> None:
    kinds = {
        c.name
        for c in CAPTURES
        if (f := parse(c.stdout, c.stderr, 0).failure) and f.kind == "several-runs"
    }
    assert kinds == set(SEVERAL)


def test_a_row_that_ran_on_the_processor_is_refused_though_the_tool_exits_with_0() -> None:
    assert ALL.exit_code == 0
    gpu = next(reading for reading in read(ALL) if reading.label == "gpu-default")
    assert gpu.numbers is None
    assert gpu.unproved is None
    assert gpu.facts.asked == ("GPU",)
    assert gpu.facts.not_applied == ("GPU",)


def test_memory_of_a_process_belongs_to_none_of_several_options() -> None:
    for reading in read(ALL):
        assert reading.one_of_several or reading.outcome == "failed"
        assert reading.numbers is None or reading.numbers.footprint_bytes is None
    (alone,) = read(BY_NAME["benchmark_model-litert-f674577/perfgpu_none_peak"])
    assert alone.numbers
    assert alone.numbers.peak_rss_bytes == 14.1953 * 2**20


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_without_an_exit_code_nothing_is_measured_and_what_failed_still_fails(
    capture: Captured,
) -> None:
    known = read(capture)
    unknown = parse_options(capture.stdout, capture.stderr, None)
    assert all(reading.outcome != "measured" for reading in unknown)
    for with_code, without in zip(known, unknown, strict=True):
        assert without.failure
        assert without.failure.hint
        if with_code.numbers:
            assert without.unproved == with_code.numbers
            assert without.failure.kind == "exit-code-unknown"
        else:
            assert without.outcome == "failed"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
@pytest.mark.parametrize("exit_code", [1, 134, 137, 139])
def test_no_exit_code_but_zero_proves_an_option(capture: Captured, exit_code: int) -> None:
    readings = parse_options(capture.stdout, capture.stderr, exit_code)
    assert all(reading.outcome != "measured" and reading.failure for reading in readings)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_an_output_of_one_run_is_read_as_parse_reads_it(capture: Captured) -> None:
    if capture.name in SEVERAL:
        return
    (reading,) = read(capture)
    said = parse(capture.stdout, capture.stderr, capture.exit_code)
    assert (reading.numbers, reading.failure, reading.facts) == (
        said.numbers,
        said.failure,
        said.facts,
    )


def test_options_before_the_one_that_stopped_the_tool_are_shown_unproved() -> None:
    end = ALL.stdout.index("INFO: Log parameter values", ALL.stdout.index("Use gpu: [1]"))
    stopped = ALL.stdout[
        : ALL.stdout.index("INFO: The input model", ALL.stdout.index("Use gpu: [1]"))
    ]
    readings = parse_options(stopped, "ERROR: Error while running a single-option run: 1\n", 0)
    assert end > len(stopped)
    assert [reading.outcome for reading in readings] == ["unproved"] * 3 + ["failed"]
    assert {r.failure.kind for r in readings[:3] if r.failure} == {"no-summary"}


def test_flags_that_the_multi_option_tool_ignored_refuse_every_option() -> None:
    warned = ALL.stdout.replace(
        "INFO: STARTING!\n",
        "INFO: STARTING!\nWARN: WARNING: unrecognized commandline flag: --use_gpu=true\n",
    )
    readings = parse_options(warned, ALL.stderr, 0)
    kinds = {r.failure.kind for r in readings if r.failure}
    assert kinds == {"unconsumed-flags", "delegate-refused"}
    assert all(reading.outcome == "failed" for reading in readings)


def truths(capture: Captured) -> dict[str, Numbers]:
    return {r.label: r.numbers for r in read(capture) if r.numbers}


def reported(numbers: Numbers) -> tuple[object, ...]:
    """What metrics are made of; the spread of a warm-up is none, and is printed only once."""
    warmup = numbers.warmup.mean_s if numbers.warmup else None
    memory = (numbers.footprint_init_bytes, numbers.footprint_bytes, numbers.peak_rss_bytes)
    return (numbers.timed, numbers.init_s, numbers.first_inference_s, warmup, *memory)


def assert_right_or_refused(readings: tuple[OptionReading, ...], capture: Captured) -> None:
    assert readings
    right = truths(capture)
    for reading in readings:
        if reading.numbers is None:
            assert reading.failure
            assert reading.failure.hint
            continue
        assert reported(reading.numbers) == reported(right[reading.label])


several = st.sampled_from([ALL, FAILED])


@many
@given(several, st.data())
def test_several_options_cut_anywhere(capture: Captured, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(capture.stdout)))
    readings = read(replace(capture, stdout=capture.stdout[:cut]))
    assert_right_or_refused(readings, capture)
    if "Summary of All" not in capture.stdout[:cut]:
        assert all(reading.numbers is None for reading in readings)


@many
@given(several, st.data(), st.booleans())
def test_a_line_of_several_options_lost_or_there_twice(
    capture: Captured, data: st.DataObject, duplicate: bool
) -> None:
    lines = capture.stdout.splitlines(keepends=True)
    index = data.draw(st.integers(0, len(lines) - 1))
    lines[index : index + 1] = [lines[index]] * 2 if duplicate else []
    assert_right_or_refused(read(replace(capture, stdout="".join(lines))), capture)


@many
@given(several, st.data())
def test_a_letter_of_several_options_changed(capture: Captured, data: st.DataObject) -> None:
    text = capture.stdout
    position = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("0123456789.-+eE \n\r\tx=,:[]()\x00"))
    changed = text[:position] + letter + text[position + 1 :]
    assert_right_or_refused(read(replace(capture, stdout=changed)), capture)


@many
@given(several, st.data())
def test_lines_of_several_options_in_another_order(capture: Captured, data: st.DataObject) -> None:
    lines = capture.stdout.splitlines(keepends=True)
    one, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    assert_right_or_refused(read(replace(capture, stdout="".join(lines))), capture)


@many
@given(several, st.data())
def test_stderr_between_the_lines_of_several_options(
    capture: Captured, data: st.DataObject
) -> None:
    lines = capture.stdout.splitlines(keepends=True)
    index = data.draw(st.integers(0, len(lines)))
    mixed = "".join([*lines[:index], capture.stderr, *lines[index:]])
    assert_right_or_refused(parse_options(mixed, "", capture.exit_code), capture)


@pytest.mark.parametrize("name", SEVERAL)
def test_carriage_returns_change_nothing_in_several_options(name: str) -> None:
    capture = BY_NAME[name]
    stdout, stderr = (text.replace("\n", "\r\n") for text in (capture.stdout, capture.stderr))
    assert parse_options(stdout, stderr, capture.exit_code) == read(capture)


@many
@given(st.text(max_size=300), st.text(max_size=300), st.none() | st.integers(-1, 300))
def test_any_text_gives_options_without_an_exception(
    stdout: str, stderr: str, code: int | None
) -> None:
    title = "The list of TFLite runtime options to be benchmarked: [all]\n"
    for text in (stdout, title + stdout):
        readings = parse_options(text, stderr, code)
        assert all(reading.outcome == "failed" for reading in readings)


PLAIN = BY_NAME["benchmark_model-litert-f674577/plain"]
GPU = BY_NAME["made_up/made_up_e5_gpu_partial"]


def test_runs_one_after_another_in_a_log_are_told_apart() -> None:
    log = (
        "+ ./benchmark_model\n" + PLAIN.stderr + PLAIN.stdout + "+ ./benchmark_model\n" + GPU.stdout
    )
    first, last = parse_options(log, "", 0)
    assert (first.label, last.label) == ("cpu (xnnpack)", "gpu-default")
    # Nobody noted how the first one ended: the exit code is that of the last.
    assert first.outcome == "unproved"
    assert first.unproved == parse(PLAIN.stdout, "", 0).numbers
    assert last.numbers == parse(GPU.stdout, "", 0).numbers
    assert [r.outcome for r in parse_options(log, "", None)] == ["unproved", "unproved"]
    assert [r.outcome for r in parse_options(log, "", 139)] == ["unproved", "failed"]


@many
@given(st.data())
def test_runs_one_after_another_and_damaged(data: st.DataObject) -> None:
    # Whole lines: a figure that is printed once cannot be checked inside of its digits.
    lines = (PLAIN.stdout + GPU.stdout).splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    right = [parse(PLAIN.stdout, "", 0).numbers, parse(GPU.stdout, "", 0).numbers]
    for reading in parse_options("".join([*lines[:start], *lines[end:]]), "", 0):
        found = reading.numbers or reading.unproved
        if found:
            assert reported(found)[:4] in [reported(one)[:4] for one in right if one]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("init=0 overall=0", "init=-1 overall=-1"),
        ("init=0 overall=0", "init=3.5 overall=-1"),
        (
            "init=0 overall=0",
            "init=0 overall=0\nINFO: Overall peak memory footprint (MB) via periodic monitoring: -1",
        ),
    ],
)
def test_minus_one_is_no_memory(old: str, new: str) -> None:
    assert old in PLAIN.stdout
    numbers = parse(PLAIN.stdout.replace(old, new), PLAIN.stderr, 0).numbers
    assert numbers
    assert numbers.footprint_bytes is None
    assert numbers.peak_rss_bytes is None
    assert numbers.timed == parse(PLAIN.stdout, "", 0).numbers.timed  # type: ignore[union-attr]  # a sound capture


def test_minus_one_in_the_results_block_is_no_memory_and_no_time() -> None:
    block = BY_NAME["made_up/made_up_litert_peak"]
    lines = [
        re.sub(r"[\d.]+ MB$", "-1.00 MB", line) if "footprint" in line or "Peak" in line else line
        for line in block.stderr.split("\n")
    ]
    numbers = parse(block.stdout, "\n".join(lines), 0).numbers
    assert numbers
    assert (numbers.footprint_bytes, numbers.peak_rss_bytes) == (None, None)
    broken = re.sub(r"(Model initialization: )[\d.]+ ms", r"\1-1.00 ms", block.stderr)
    assert broken != block.stderr
    assert parse(block.stdout, broken, 0).numbers is None
