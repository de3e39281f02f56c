"""A capture that is read again gives what today's reader says, and keeps what only the run knew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from runner_parts import ScriptedDriver

from harness.code_digest import harness_sha256
from harness.errors import OutputUnreadable
from harness.metrics import METRICS_VERSION
from harness.model import (
    Capture,
    Cell,
    Facts,
    Failed,
    Failure,
    Measured,
    Measurement,
    Proof,
    Reading,
    RunResult,
    Skipped,
)
from harness.report.rereading import compared
from harness.runner.rereading import reread

FILES = {"value": b"0.5"}
CHECK: Facts = {"output_check": "ok within 0.0001", "others_cpu_share": 0.1, "disturbed": False}


def run(outcome: Any = None, **changes: Any) -> RunResult:
    made = RunResult(
        run_id="l001",
        cell=Cell("net", "fp32", "here", "one"),
        bench="host",
        pass_="latency",
        block=1,
        order=1,
        attempt=1,
        outcome=outcome or Measured((Measurement("latency_mean", "s", 0.5),)),
        started_utc="2026-01-01T00:00:00.000+00:00",
        duration_s=1.0,
        setting={"driver": "scripted", "inputs_sha256": "1", "metrics_version": 0, "gone": True},
        subject={"model_sha256": "2", "tool": "old words"},
        conditions=CHECK,
        proof=Proof({"threads": 1}, {"threads": 1, "output_max_relative_difference": 1e-6}),
        raw="raw/l001",
        raw_sha256="3",
        reader_sha256="4",
    )
    return replace(made, **changes)


def driver(**changes: Any) -> ScriptedDriver:
    reading = Reading(
        Measured((Measurement("latency_mean", "s", 0.25),)),
        setting={"threads": 1},
        subject={"tool": "new words"},
        proof=Proof({"threads": 1}, {"threads": 1}),
    )
    return ScriptedDriver(lambda capture: replace(reading, **changes))


def test_numbers_and_facts_are_the_new_readers_and_the_place_is_the_runs() -> None:
    before = run()
    after = reread(before, FILES, driver())
    assert after.outcome == Measured((Measurement("latency_mean", "s", 0.25),))
    assert after.setting["inputs_sha256"] == "1"
    assert after.setting["metrics_version"] == METRICS_VERSION
    assert "gone" not in after.setting
    assert after.subject["model_sha256"] == "2"
    assert after.subject["tool"] == "new words"
    assert after.conditions == CHECK
    assert after.proof.observed["output_max_relative_difference"] == 1e-6
    assert after.reader_sha256 == harness_sha256()
    assert (after.raw, after.raw_sha256, after.run_id) == ("raw/l001", "3", "l001")
    told = compared(before, after)
    assert (told.change, told.told) == ("other numbers", "latency_mean")


def test_what_is_not_proved_any_more_has_no_number() -> None:
    after = reread(run(), FILES, driver(proof=Proof({"threads": 2}, {"threads": 1})))
    assert isinstance(after.outcome, Failed)
    assert after.outcome.failure.kind == "variant-mismatch"
    told = compared(run(), after)
    assert (told.change, told.told) == ("other outcome", "measured → failed (variant-mismatch)")


def test_what_cannot_be_read_any_more_fails_with_its_reason() -> None:
    def refuse(capture: Capture) -> Reading:
        raise OutputUnreadable("no such words", hint="look")

    after = reread(run(), FILES, ScriptedDriver(refuse))
    assert isinstance(after.outcome, Failed)
    assert after.outcome.failure == Failure("unreadable-output", "no such words", "look")


def test_a_failure_that_a_newer_reader_understands_becomes_a_number_without_an_output_check() -> (
    None
):
    before = run(Failed(Failure("driver-bug", "x", "y")), conditions={})
    after = reread(before, FILES, driver())
    assert isinstance(after.outcome, Measured)
    assert str(after.conditions["output_check"]).startswith("not checked: read again")


@pytest.mark.parametrize("kind", ["output-mismatch", "output-nan"])
def test_outputs_that_were_wrong_stay_wrong(kind: str) -> None:
    before = run(Failed(Failure(kind, "wrong", "look")))
    assert reread(before, FILES, driver()).outcome == before.outcome


def test_a_score_stays_since_its_labels_are_not_in_the_folder() -> None:
    score = Measured((Measurement("quality_f1", "1", 0.75),))
    before = run(score, pass_="quality", setting={"driver": "scripted", "labelled_sha256": "5"})
    after = reread(before, FILES, driver())
    assert after.outcome == score
    assert after.setting["labelled_sha256"] == "5"


def test_a_runtime_that_lacks_an_operator_is_skipped_again() -> None:
    lacking = Failed(Failure("unsupported-op", "no CONV", "nothing"))
    after = reread(run(Skipped(lacking.failure, expected=True)), FILES, driver(outcome=lacking))
    assert after.outcome == Skipped(lacking.failure, expected=True)


def test_a_driver_from_elsewhere_has_a_hash_of_its_own() -> None:
    after = reread(run(), FILES, driver())
    assert len(str(after.subject["driver_sha256"])) == 64
    assert after.subject["driver_sha256"] != harness_sha256()


def test_nothing_changed_is_the_same() -> None:
    once = reread(run(), FILES, driver())
    assert compared(once, reread(once, FILES, driver())).change == "the same"
