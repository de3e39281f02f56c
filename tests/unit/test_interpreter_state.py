"""Interpreter states that benchmark_model prints, from a real capture."""

from __future__ import annotations

import json
from pathlib import Path

from harness.tools.interpreter_state import InterpreterState, read_states

CAPTURE = (
    Path(__file__).parents[1]
    / "fixtures"
    / "benchmark_model"
    / "benchmark_model-litert-f674577"
    / "print_state.json"
)
STDOUT: str = json.loads(CAPTURE.read_text())["stdout"]


def test_it_reads_arenas_and_delegates() -> None:
    # The capture has its middle cut out: the end of the first state and the head of the second.
    assert read_states(STDOUT) == (
        InterpreterState("post", 257536, 0, {0: 257536}, {}, ("TfLiteXNNPackDelegate",)),
    )


def test_a_state_that_is_cut_is_none_and_no_error() -> None:
    end = STDOUT.index("post-invoke state ends")
    for length in (*range(0, end, 499), end):
        assert read_states(STDOUT[:length]) == ()
