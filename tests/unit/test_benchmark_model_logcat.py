"""Android's log as the benchmark app fills it: captures rendered as such, and one reconstructed."""

from __future__ import annotations

import pytest
from benchmark_model_captures import FIXTURES, Captured, all_captures
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import OutputUnreadable
from harness.tools.benchmark_model import parse, parse_options, pids_of_logcat, streams_of_logcat
from harness.tools.benchmark_model.logcat import is_logcat

PID = 25289
RECONSTRUCTED = (FIXTURES / "made_up" / "reconstructed_logcat_threadtime.txt").read_text()
LEVELS = {"INFO": "I", "WARN": "W", "ERROR": "E", "FATAL": "F"}
SHAPES = {
    "threadtime": "07-14 13:23:08.041 {pid:5d} {pid:5d} {level} tflite  : {text}",
    "threadtime with uid": "07-14 13:23:08.041 u0_a12 {pid:5d} {pid:5d} {level} tflite  : {text}",
    "brief": "{level}/tflite  ({pid:5d}): {text}",
    "time": "07-14 13:23:08.041 {level}/tflite  ({pid:5d}): {text}",
}
CAPTURES = [capture for capture in all_captures() if capture.name.startswith("benchmark_model")]
SOUND = [
    capture
    for capture in CAPTURES
    if parse(capture.stdout, capture.stderr, 0).numbers and len(capture.stdout) < 4000
]


def as_logcat(capture: Captured, shape: str, pid: int = PID) -> str:
    """Render what a run said as Android's log does: a header on each line, no empty line."""
    lines = []
    for line in (*capture.stderr.splitlines(), *capture.stdout.splitlines()):
        severity, found, text = line.partition(": ")
        level = LEVELS.get(severity) if found else None
        if line:
            words = text if level else line
            lines.append(SHAPES[shape].format(pid=pid, level=level or "I", text=words))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("capture", SOUND, ids=lambda capture: capture.name)
def test_a_log_gives_the_numbers_of_the_shell(capture: Captured, shape: str) -> None:
    log = as_logcat(capture, shape)
    assert is_logcat(log)
    assert pids_of_logcat(log) == (PID,)
    said = parse(streams_of_logcat(log, PID), "", 0)
    assert said.numbers == parse(capture.stdout, capture.stderr, 0).numbers
    assert said.numbers


def test_the_reconstructed_log_is_read_by_process() -> None:
    assert is_logcat(RECONSTRUCTED)
    assert pids_of_logcat(RECONSTRUCTED) == (25289,)
    numbers = parse(streams_of_logcat(RECONSTRUCTED, 25289), "", 0).numbers
    assert numbers
    assert numbers.timed.mean_s == 0.257131
    assert numbers.timed.p50_s == 0.252767
    assert numbers.init_s == 0.095112
    assert numbers.footprint_bytes == 90.25 * 2**20
    assert parse(streams_of_logcat(RECONSTRUCTED, 25999), "", 0).numbers is None


def test_a_process_that_said_nothing_is_named() -> None:
    with pytest.raises(OutputUnreadable, match="4711") as raised:
        streams_of_logcat(RECONSTRUCTED, 4711)
    assert raised.value.kind == "not-in-the-log"


@pytest.mark.parametrize("verb", ["expire", "dropped", "identical"])
def test_lines_that_the_log_dropped_are_a_named_error(verb: str) -> None:
    line = f"07-14 13:23:09.000 {PID} {PID} I chatty  : uid=10123(u0_a123) Thread {verb} 7 lines\n"
    with pytest.raises(OutputUnreadable, match="7 lines") as raised:
        streams_of_logcat(RECONSTRUCTED + line, PID)
    assert raised.value.kind == "log-lines-lost"


@pytest.mark.parametrize(("number", "name"), [(6, "SIGABRT"), (11, "SIGSEGV"), (9, "SIGKILL")])
@pytest.mark.parametrize("exit_code", [0, None])
def test_a_crash_that_the_system_reports_leaves_no_number(
    number: int, name: str, exit_code: int | None
) -> None:
    crash = (
        f"07-14 13:23:16.000 {PID} {PID} F libc    : Fatal signal {number} ({name}), code -1 "
        f"(SI_QUEUE) in tid {PID} (.lite.benchmark), pid {PID} (.lite.benchmark)\n"
    )
    (reading,) = parse_options(streams_of_logcat(RECONSTRUCTED + crash, PID), "", exit_code)
    assert reading.outcome == "failed"
    assert reading.failure
    assert reading.failure.kind in {"crashed", "killed"}
    assert name in reading.failure.message


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_what_a_shell_prints_is_no_log_of_android(capture: Captured) -> None:
    assert not is_logcat(capture.stdout + capture.stderr)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SOUND), st.data())
def test_lost_lines_give_the_right_numbers_or_none(capture: Captured, data: st.DataObject) -> None:
    lines = as_logcat(capture, "threadtime").splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    rest = "".join([*lines[:start], *lines[end:]])
    try:
        numbers = parse(streams_of_logcat(rest, PID), "", 0).numbers
    except OutputUnreadable as refused:
        assert refused.hint
        return
    right = parse(capture.stdout, capture.stderr, 0).numbers
    assert right
    if numbers:
        assert numbers.timed == right.timed
        assert numbers.init_s == right.init_s
        assert numbers.footprint_bytes in (right.footprint_bytes, None)
