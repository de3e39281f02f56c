"""Damaged real captures: the right numbers or a named failure, never an exception."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmark_model_captures import Captured, all_captures
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tools.benchmark_model import ToolReading, parse

CAPTURES = all_captures()
# Long tables of operators only slow the search for trouble down.
SOUND = [
    capture
    for capture in CAPTURES
    if parse(capture.stdout, capture.stderr, capture.exit_code).numbers
    and 0 < len(capture.stdout) < 4000
]
# The Python tool prints every figure once, so a changed digit in it cannot be seen.
TWICE = [
    capture for capture in SOUND if "/py_" not in capture.name and "python" not in capture.name
]
WHOLE = next(capture for capture in SOUND if capture.name.endswith("/fromsh_peak"))
COARSE = next(capture for capture in SOUND if capture.name.endswith("/made_up_litert_peak"))
NUMBER = frozenset("0123456789.")
many = settings(max_examples=400, deadline=None)
captures = st.sampled_from(SOUND)


def read(capture: Captured) -> ToolReading:
    return parse(capture.stdout, capture.stderr, capture.exit_code)


def printed_twice(reading: ToolReading) -> dict[str, object]:
    numbers = reading.numbers
    assert numbers is not None
    return {
        "init": numbers.init_s,
        "first": numbers.first_inference_s,
        "warmup": numbers.warmup.mean_s if numbers.warmup else None,
        "average": numbers.timed.mean_s,
    }


def printed_once(reading: ToolReading) -> dict[str, object]:
    numbers = reading.numbers
    assert numbers is not None
    timed = numbers.timed
    return {
        "count": timed.count,
        "min": timed.min_s,
        "max": timed.max_s,
        "std": timed.std_s,
        "p5": timed.p5_s,
        "p50": timed.p50_s,
        "p95": timed.p95_s,
        "footprint_init": numbers.footprint_init_bytes,
        "footprint": numbers.footprint_bytes,
        "peak": numbers.peak_rss_bytes,
    }


def assert_right_or_refused(
    damaged: ToolReading, capture: Captured, *, in_a_number: bool = False
) -> None:
    if damaged.numbers is None:
        assert damaged.failure
        assert damaged.failure.kind
        assert damaged.failure.hint
        return
    right = read(capture)
    twice = printed_twice(damaged)
    if in_a_number and "Average inference timings" in capture.stdout:
        # The oldest eras print the first inference once.
        del twice["first"]
    checked = twice | ({} if in_a_number else printed_once(damaged))
    truth = printed_twice(right) | printed_once(right)
    wrong = {
        name: (value, truth[name])
        for name, value in checked.items()
        if value is not None and not same(name, value, truth[name])
    }
    assert not wrong


def same(name: str, value: object, truth: object) -> bool:
    # Six digits of the milliseconds of init are printed a second time.
    return value == (pytest.approx(truth, rel=5e-6) if name == "init" else truth)


def flipped(capture: Captured, position: int, letter: str) -> Captured:
    text = capture.stdout
    return replace(capture, stdout=text[:position] + letter + text[position + 1 :])


@many
@given(captures, st.data())
def test_an_output_cut_anywhere(capture: Captured, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(capture.stdout)))
    assert_right_or_refused(read(replace(capture, stdout=capture.stdout[:position])), capture)


@many
@given(captures, st.data(), st.booleans())
def test_a_line_lost_or_there_twice(
    capture: Captured, data: st.DataObject, duplicate: bool
) -> None:
    lines = capture.stdout.splitlines(keepends=True)
    index = data.draw(st.integers(0, max(0, len(lines) - 1)))
    lines[index : index + 1] = [lines[index]] * 2 if duplicate else []
    assert_right_or_refused(read(replace(capture, stdout="".join(lines))), capture)


@many
@given(st.sampled_from(TWICE), st.data())
def test_a_letter_changed(capture: Captured, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(capture.stdout) - 1))
    letter = data.draw(st.sampled_from("0123456789.-+eE \n\r\tx=,:\x00é�"))
    assert_right_or_refused(
        read(flipped(capture, position, letter)),
        capture,
        in_a_number=capture.stdout[position] in NUMBER,
    )


@pytest.mark.parametrize("letter", list("07.e- \n\rx"))
def test_every_single_letter_of_one_output_changed(letter: str) -> None:
    for position, old in enumerate(WHOLE.stdout):
        if old != letter:
            damaged = read(flipped(WHOLE, position, letter))
            assert_right_or_refused(damaged, WHOLE, in_a_number=old in NUMBER)


def test_what_is_printed_twice_is_never_wrong_by_a_digit() -> None:
    refused = 0
    start = WHOLE.stdout.index("Inference timings")
    end = WHOLE.stdout.index("\n", start)
    for position in range(start, end):
        if WHOLE.stdout[position].isdigit():
            other = str((int(WHOLE.stdout[position]) + 1) % 10)
            refused += read(flipped(WHOLE, position, other)).numbers is None
    digits = sum(letter.isdigit() for letter in WHOLE.stdout[start:end])
    assert refused == digits


@many
@given(st.integers(0, len(COARSE.stderr)))
def test_the_results_block_cut_anywhere(position: int) -> None:
    damaged = replace(COARSE, stderr=COARSE.stderr[:position])
    assert_right_or_refused(read(damaged), COARSE)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_carriage_returns_change_nothing(capture: Captured) -> None:
    with_cr = replace(
        capture,
        stdout=capture.stdout.replace("\n", "\r\n"),
        stderr=capture.stderr.replace("\n", "\r\n"),
    )
    assert read(with_cr) == read(capture)


@many
@given(captures, st.data())
def test_stderr_between_the_lines_of_stdout(capture: Captured, data: st.DataObject) -> None:
    lines = capture.stdout.splitlines(keepends=True)
    index = data.draw(st.integers(0, len(lines)))
    mixed = "".join([*lines[:index], capture.stderr, *lines[index:]])
    reading = parse(mixed, "", capture.exit_code)
    assert_right_or_refused(reading, capture)
    if "RESULTS" not in mixed:
        assert reading.numbers == read(capture).numbers


@many
@given(captures, st.data())
def test_stderr_in_the_middle_of_a_line(capture: Captured, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(capture.stdout)))
    noise = capture.stderr or "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    mixed = capture.stdout[:position] + noise + capture.stdout[position:]
    assert_right_or_refused(parse(mixed, "", capture.exit_code), capture)


@many
@given(captures, captures, st.data())
def test_two_outputs_glued_together_are_never_one(
    one: Captured, other: Captured, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(other.stdout)))
    glued = parse(one.stdout + other.stdout[cut:], one.stderr + other.stderr, 0)
    if glued.numbers:
        assert printed_twice(glued) in [printed_twice(read(one)), printed_twice(read(other))]


@many
@given(st.text(max_size=300), st.text(max_size=300), st.none() | st.integers(-1, 300))
def test_any_text_is_read_without_an_exception(stdout: str, stderr: str, code: int | None) -> None:
    assert parse(stdout, stderr, code).numbers is None


@pytest.mark.parametrize(
    "figure",
    ["7e+02", "700.50", "0700.5", "7005e-1", "700.5000", "1234567.8", "7.005e2", "+700.5", ".5"],
)
def test_a_figure_that_the_tool_could_not_have_printed_is_no_figure(figure: str) -> None:
    damaged = replace(WHOLE, stdout=WHOLE.stdout.replace("overall=7.21875", f"overall={figure}"))
    assert damaged != WHOLE
    failure = read(damaged).failure
    assert failure
    assert failure.kind in {"unreadable-output", "inconsistent-output"}
