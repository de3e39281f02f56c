"""The protobuf result file: real ones out of the captures, and what damage makes of them."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace

import pytest
from benchmark_model_captures import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tools.benchmark_model import ToolReading, parse

FOLDER = FIXTURES / "benchmark_model-litert-f674577"
many = settings(max_examples=300, deadline=None)


def captured(name: str) -> tuple[str, str, bytes]:
    record = json.loads((FOLDER / f"{name}.json").read_text())
    (file,) = record["files"].values()
    return record["stdout"], record["stderr"], base64.b64decode(file["base64"])


STDOUT, STDERR, FILE = captured("result_file")


def field(number: int, value: float) -> bytes:
    """A float of the message as the format has it, written here without the reader's help."""
    return bytes([number << 3 | 5]) + struct.pack("<f", value)


def whole(number: int, value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return bytes([number << 3]) + encoded + bytes([value])


def part(number: int, *fields: bytes) -> bytes:
    body = b"".join(fields)
    return bytes([number << 3 | 2, len(body)]) + body


TIMES = (0.791658, 0.632, 14.902, 0.843, 0.654, 0.641, 1.042, 2.777, 0.73, 0.66809)
LATENCY = part(2, *(field(number, ms) for number, ms in enumerate(TIMES, start=1)))
MISC = part(4, field(1, 0.229714), whole(2, 1255), whole(3, 744), field(4, 236.84))


def read(file: bytes | None, stdout: str = STDOUT) -> ToolReading:
    return parse(stdout, STDERR, 0, file)


def test_the_files_figures_are_preferred_since_they_are_finer() -> None:
    with_file, without = read(FILE).numbers, read(None).numbers
    assert with_file
    assert without
    assert without.timed.mean_s == 0.000791658
    assert with_file.timed.mean_s == 0.00079165816
    assert replace(with_file.timed, mean_s=without.timed.mean_s) == without.timed
    assert (with_file.init_s, with_file.first_inference_s) == (0.002777, 0.00073)
    assert with_file.warmup == without.warmup


def test_memory_of_the_file_is_in_kib() -> None:
    stdout = STDOUT.replace("init=0 overall=0", "init=1.49023 overall=2.98047")
    numbers = read(LATENCY + part(3, whole(1, 1526), whole(2, 3052)) + MISC, stdout).numbers
    assert numbers
    assert (numbers.footprint_init_bytes, numbers.footprint_bytes) == (1526 * 1024, 3052 * 1024)


@pytest.mark.parametrize("peak", [-1.0, 0.0, float("nan"), 9.2e15])
def test_what_is_not_available_in_the_file_is_no_value(peak: float) -> None:
    minus_one = bytes([1 << 3]) + b"\xff" * 9 + b"\x01"
    memory = part(3, minus_one, whole(2, 0), field(3, peak))
    numbers = read(LATENCY + memory + MISC).numbers
    assert numbers
    assert numbers.footprint_init_bytes is None
    assert numbers.footprint_bytes is None
    assert numbers.peak_rss_bytes is None


def test_a_dry_run_has_no_value_of_its_file() -> None:
    stdout, stderr, file = captured("result_file_dry_run")
    failure = parse(stdout, stderr, 0, file).failure
    assert failure
    assert failure.kind == "no-inference"
    assert read(file).numbers is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("avg=791.658", "avg=791.758"),
        ("min=632 max=14902", "min=633 max=14902"),
        ("max=14902", "max=14903"),
        ("count=1255", "count=1256"),
        ("median=654", "median=655"),
        ("std=843", "std=842"),
        ("p5=641", "p5=642"),
        ("p95=1042", "p95=1041"),
        ("first=730", "first=731"),
    ],
)
def test_a_text_that_disagrees_with_the_file_is_a_named_error(old: str, new: str) -> None:
    assert STDOUT.count(old) == 1
    # What the text has twice is changed in both places, so that only the file betrays it.
    stdout = STDOUT.replace(old, new)
    if "avg" in old or "first" in old:
        figure = old.partition("=")[2]
        changed = new.partition("=")[2]
        label = "Inference (avg)" if "avg" in old else "First inference"
        stdout = stdout.replace(f"{label}: {figure}", f"{label}: {changed}")
    assert read(None, stdout).numbers
    failure = read(FILE, stdout).failure
    assert failure
    assert failure.kind == "result-file-disagrees"


def test_a_file_without_the_text_proves_nothing() -> None:
    failure = parse("", "", 0, FILE).failure
    assert failure
    assert failure.kind == "no-timing-line"


@pytest.mark.parametrize("exit_code", [1, 137, None])
def test_a_file_does_not_make_up_for_a_bad_end(exit_code: int | None) -> None:
    assert parse(STDOUT, STDERR, exit_code, FILE).numbers is None


def assert_right_or_refused(file: bytes) -> None:
    damaged, right = read(file), read(FILE).numbers
    assert right
    if damaged.numbers is None:
        assert damaged.failure
        assert damaged.failure.hint
        return
    for name in ("min_s", "max_s", "mean_s", "p5_s", "p50_s", "p95_s", "std_s"):
        value, truth = getattr(damaged.numbers.timed, name), getattr(right.timed, name)
        # The text confirms six digits; a change below them is no other measurement.
        assert value == pytest.approx(truth, rel=1.1e-5), name
    assert damaged.numbers.timed.count == right.timed.count
    assert damaged.numbers.init_s == pytest.approx(right.init_s, rel=1.1e-5)


@pytest.mark.parametrize("cut", range(len(FILE)))
def test_a_file_cut_anywhere_is_refused(cut: int) -> None:
    assert read(FILE[:cut]).numbers is None


@many
@given(st.integers(0, len(FILE) - 1), st.integers(0, 255))
def test_a_byte_of_the_file_changed(position: int, byte: int) -> None:
    assert_right_or_refused(FILE[:position] + bytes([byte]) + FILE[position + 1 :])


@many
@given(st.integers(0, len(FILE)), st.integers(1, 30), st.integers(0, len(FILE)))
def test_a_piece_of_the_file_there_twice(start: int, length: int, at: int) -> None:
    assert_right_or_refused(FILE[:at] + FILE[start : start + length] + FILE[at:])


@many
@given(st.binary(max_size=120))
def test_any_bytes_are_refused_without_an_exception(data: bytes) -> None:
    assert read(data).numbers is None
