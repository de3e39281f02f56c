"""A quality run: the tool is started once per labelled example, since it takes one input set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from harness.drivers.android_tflite.capture_files import ANSWERS, OUTPUT
from harness.model import Capture, Failed, Failure, Reading, Tensor
from harness.plugins import RunRequest


def run_examples(
    once: Callable[[RunRequest, str], Capture],
    read: Callable[[Capture], Reading],
    request: RunRequest,
    folder: str,
) -> Capture:
    """Run every example; return the last capture with all answers, or the first that proves none.

    `once` makes one run in a folder of its own on the device, `read` reads its capture: each
    process must have ended well and been what was asked for, not the last one alone.
    """
    answers: list[bytes] = []
    capture = Capture({})
    for position, example in enumerate(request.examples):
        one = replace(request, inputs=example, examples=(), window=nullcontext)
        capture = once(one, f"{folder}/{position}")
        if OUTPUT not in capture.files:
            return capture
        capture = Capture({**capture.files, ANSWERS: capture.files[OUTPUT]})
        reading = read(capture)
        if isinstance(reading.outcome, Failed) or reading.proof.mismatches():
            return capture
        answers.append(capture.files[OUTPUT])
    return Capture({**capture.files, ANSWERS: b"".join(answers)})


def read_answers(
    capture: Capture, cut: Callable[[bytes], tuple[Tensor, ...] | None], size: int
) -> tuple[tuple[Tensor, ...], ...]:
    """Return the answers to all examples, of `size` bytes each; () if any is not whole."""
    data = capture.files.get(ANSWERS, b"")
    if not size or len(data) % size:
        return ()
    found = [cut(data[at : at + size]) for at in range(0, len(data), size)]
    return tuple(answer for answer in found if answer is not None)


def without_answers(record: Any, answers: Sequence[Any]) -> Failure | None:
    """Return why a quality run has nothing to be scored, if so."""
    if answers:
        return None
    return Failure(
        "no-outputs",
        f"the tool gives no outputs to be scored: {record['outputs_absent'] or 'none were left'}",
        "take a build that has --output_filepath and --input_layer_value_files",
    )
