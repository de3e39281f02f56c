"""The morning page says what is wrong, what changed and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import report_folders as made
from digest_nights import RUNS, SIMD, digested, findings, gate_of, night, with_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli.run import exit_code
from harness.model import (
    Failed,
    Failure,
    RunResult,
    Skipped,
)
from harness.report.digest.sessions import digest_session
from harness.store.gate_record import (
    EnvironmentChange,
)


def test_a_good_night_is_green_and_has_nothing_to_do() -> None:
    session = digest_session(night(), None, ())
    assert not session.red
    assert session.findings == ()
    assert (session.cells, session.complete, session.measured) == (6, 6, 36)
    page = digested(night())
    assert page.startswith(
        "quickstart: green, session of 2026-11-24 01:30 UTC by host-1a2b3c, 6 of"
    )
    assert "next:" not in page
    assert "no earlier session to compare with" in page


def test_a_failed_cell_is_red_and_has_the_next_step_of_its_failure() -> None:
    session = digest_session(night(outcomes={SIMD: made.failed()}), None, ())
    [finding] = session.findings
    assert (finding.trouble, finding.red, finding.runs) == ("failed", True, 6)
    assert finding.cells == (SIMD,)
    assert finding.why == "timed-out: it did not end within 120 s"
    assert finding.next_step == "raise timeout_s"
    assert session.complete == 5


def test_a_failure_that_an_added_block_made_up_for_is_only_to_be_watched() -> None:
    folder = night(added_blocks=3)
    lost = Failed(Failure("page-hidden", "the page was hidden", "keep it in front"))
    first = folder.runs[0]
    [own] = [run for run in folder.runs if run.cell == first.cell and run.block == 6]
    spoilt = with_runs(folder, lambda run: replace(run, outcome=lost) if run is first else run)
    again = [
        replace(run, block=7, run_id=f"{run.run_id}-7")
        for run in folder.runs
        if run.block == 6 and run.cell.model == own.cell.model
    ]
    assert findings(replace(spoilt, runs=(*spoilt.runs, *again))) == [("made up for", False)]


def test_a_missing_device_is_one_finding_that_says_when_it_was_last_there() -> None:
    gone = made.skipped()
    cells = night().session.cells
    missing = night("2026-11-25T01:30:00+00:00", dict.fromkeys(cells, gone))
    session = digest_session(missing, None, (night(),))
    [device] = session.devices
    assert (device.state, device.last_seen_utc) == ("missing", "2026-11-24T01:30:00+00:00")
    [finding] = session.findings
    assert (finding.trouble, finding.red, finding.runs) == ("device missing", True, 36)
    assert finding.next_step.startswith("attach a phone; then make the missing runs: edgebench run")
    assert "last seen 2026-11-24 01:30" in digested(missing, night())


def test_a_device_that_went_away_in_the_night_is_lost_and_its_other_failures_stay_told() -> None:
    away = Skipped(Failure("quarantined", "lost 3 times", "change its cable, then --resume"))
    folder = with_runs(
        night(outcomes={SIMD: made.failed()}),
        lambda run: replace(run, outcome=away) if run.block > 3 else run,
    )
    session = digest_session(folder, None, ())
    assert session.devices[0].state == "lost"
    assert [(f.trouble, f.runs) for f in session.findings] == [("device lost", 18), ("failed", 3)]


def test_a_target_of_the_night_before_that_is_not_planned_any_more_is_told() -> None:
    before = made.folder(
        made.session(started_utc="2026-11-23T01:30:00+00:00", memory_runs=0),
        lambda *_: made.times(0.01),
    )
    assert findings(night(), earlier=(before,)) == [("device gone", False)]


def test_time_that_was_over_is_no_missing_device() -> None:
    over = Skipped(Failure("time", "06:30 has come", "go on with --resume"))
    cells = night().session.cells
    session = digest_session(night(outcomes=dict.fromkeys(cells, over)), None, ())
    assert session.devices[0].state == "not tried"
    assert [finding.trouble for finding in session.findings] == ["skipped"]
    assert session.red


def test_declared_skips_are_nothing_wrong() -> None:
    expected = made.skipped(expected=True)
    assert findings(night(outcomes={SIMD: expected})) == []


def test_runs_that_were_never_made_are_red_and_lead_to_resume() -> None:
    folder = night()
    cut = replace(folder, runs=folder.runs[:-4])
    [finding] = digest_session(cut, None, ()).findings
    assert (finding.trouble, finding.red, finding.runs) == ("not run", True, 4)
    assert finding.next_step.endswith(f"--resume {folder.path}")


@pytest.mark.parametrize(
    ("conditions", "trouble"),
    [
        ({"verdict": "throttled", "verdict_reason": "thermal status 2 at the end"}, "throttled"),
        ({"verdict": "noisy", "verdict_reason": "battery at 10 %"}, "noisy"),
        ({"disturbed": True}, "disturbed"),
    ],
)
def test_hot_noisy_and_disturbed_runs_are_to_be_watched(
    conditions: dict[str, Any], trouble: str
) -> None:
    folder = with_runs(night(), lambda run: replace(run, conditions=conditions))
    [finding] = digest_session(folder, None, ()).findings
    assert (finding.trouble, finding.red) == (trouble, False)
    assert finding.next_step


@pytest.mark.parametrize("kind", ["conditions-invalid", "conditions-refused", "marked-invalid"])
def test_invalid_runs_are_called_so(kind: str) -> None:
    invalid = Failed(Failure(kind, "thermal status 4", "let it cool"))
    assert findings(night(outcomes={SIMD: invalid})) == [("invalid", True)]


def test_runs_of_one_cell_under_two_settings_are_told_and_do_not_end_the_digest() -> None:
    folder = with_runs(
        night(),
        lambda run: replace(run, setting={**run.setting, "threads": run.block}),
    )
    session = digest_session(folder, None, ())
    assert [finding.trouble for finding in session.findings] == ["not comparable"]
    assert session.lanes


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_digest_is_red_exactly_where_the_session_did_not_end_with_0(data: st.DataObject) -> None:
    few = data.draw(st.lists(RUNS, min_size=1, max_size=3))
    folder = with_runs(night(), lambda run: replace(run, outcome=data.draw(st.sampled_from(few))))
    assert digest_session(folder, None, ()).red is (exit_code(folder) != 0)


# The environment, and the hours


def test_a_new_browser_is_told_once_for_all_cells_that_ran_in_it() -> None:
    new = with_runs(
        night("2026-11-25T01:30:00+00:00"),
        lambda run: replace(run, subject={**run.subject, "browser": "chromium 157.0.1"}),
    )
    [change] = digest_session(new, None, (night(),)).changes
    assert (change.factor, change.bench, change.targets) == ("browser", "host", ("chromium",))
    assert (change.before, change.now) == ("chromium 156.0.8078.79", "chromium 157.0.1")
    assert change.since == "2026-11-24T01:30:00+00:00"
    assert "browser on host (chromium) since 2026-11-24 01:30: browser" in digested(new, night())


def test_the_host_and_the_harness_are_told_too_and_a_changed_setting_says_what_it_means() -> None:
    new = with_runs(
        night(
            "2026-11-25T01:30:00+00:00",
            host={"os": "Debian GNU/Linux 13", "cpu_model": "AMD EPYC 7B13", "cores": 2},
            harness={"version": "0.2.0", "commit": "6895599aabbccdd"},
        ),
        lambda run: replace(run, setting={**run.setting, "timed": "invoke"}),
    )
    changes = digest_session(new, None, (night(),)).changes
    assert [(each.factor, each.fact) for each in changes] == [
        ("os", "os"),
        ("harness", "edgebench version"),
        ("setting", "timed"),
    ]
    assert "not comparable with before" in digested(new, night())


def test_each_bench_is_compared_with_the_latest_session_that_measured_there() -> None:
    away = night("2026-11-25T01:30:00+00:00", dict.fromkeys(night().session.cells, made.skipped()))
    new = with_runs(
        night("2026-11-26T01:30:00+00:00"),
        lambda run: replace(run, subject={**run.subject, "tfjs": "4.23.0"}),
    )
    [change] = digest_session(new, None, (away, night())).changes
    assert change.since == "2026-11-24T01:30:00+00:00"


def test_what_is_not_known_on_one_side_is_no_change() -> None:
    new = with_runs(
        night("2026-11-25T01:30:00+00:00"),
        lambda run: replace(run, subject={**run.subject, "browser": None, "gpu": "new"}),
    )
    session = digest_session(new, None, (night(),))
    assert session.changes == ()
    assert "nothing known changed since" in digested(new, night())


def test_what_the_gate_saw_change_is_told_as_since_last_good() -> None:
    gate = gate_of(green=True, environment=(EnvironmentChange("host", "os_build", "A", "B"),))
    [change] = digest_session(night(), gate, ()).changes
    assert (change.factor, change.since) == ("os", "last good")


def test_hours_are_per_bench_with_retries_and_the_span_in_which_they_fell() -> None:
    def placed(run: RunResult) -> RunResult:
        bench = "phone:ab" if run.cell.model == "blazeface" else "host"
        at = f"2026-11-24T0{run.block}:00:00.000+00:00"
        return replace(run, bench=bench, started_utc=at, duration_s=600.0)

    lanes = digest_session(with_runs(night(), placed), None, ()).lanes
    assert {lane.bench for lane in lanes} == {"host", "phone:ab"}
    assert {lane.measuring_s for lane in lanes} == {18 * 600.0}
    assert {lane.span_s for lane in lanes} == {5 * 3600 + 600.0}
    assert "6.00 h on 2 lanes" in digested(with_runs(night(), placed))
