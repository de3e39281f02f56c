"""A score of a phone stands on every process that gave an answer, not on the last one alone."""

from __future__ import annotations

from typing import Any, cast

import pytest

from harness.drivers.android_tflite.capture_files import ANSWERS, OUTPUT
from harness.drivers.android_tflite.labelled_examples import run_examples
from harness.model import Capture, Cell, Failed, Failure, Measured, Proof, Reading
from harness.options import Sampling
from harness.plugins import RunRequest

GOOD = Reading(Measured(()), proof=Proof({"threads": 4}, {"threads": 4}))
FELL_BACK = Reading(Measured(()), proof=Proof({"threads": 4}, {"threads": 1}))
CRASHED = Reading(Failed(Failure("killed", "signal 9", "look")))


def ran(second: Reading) -> tuple[Capture, list[str]]:
    """Run three examples, of which the second is read so."""
    made: list[str] = []

    def once(request: RunRequest, folder: str) -> Capture:
        made.append(folder)
        return Capture({OUTPUT: str(len(made)).encode()})

    nothing = cast("Any", None)
    request = RunRequest(
        "r",
        Cell("m", "fp32", "t", "v"),
        "quality",
        1,
        nothing,
        nothing,
        (),
        Sampling(),
        nothing,
        examples=((), (), ()),
    )
    readings = {b"1": GOOD, b"2": second, b"3": GOOD}
    return run_examples(once, lambda c: readings[c.files[ANSWERS]], request, "f"), made


def test_all_answers_are_kept_in_their_order() -> None:
    capture, made = ran(GOOD)
    assert capture.files[ANSWERS] == b"123"
    assert made == ["f/0", "f/1", "f/2"]


@pytest.mark.parametrize("second", [FELL_BACK, CRASHED], ids=["fell back", "crashed"])
def test_the_first_process_that_is_not_proved_ends_the_run(second: Reading) -> None:
    capture, made = ran(second)
    assert capture.files[ANSWERS] == b"2"
    assert made == ["f/0", "f/1"]
