"""The morning page says what is wrong and what to do, is never too long, and shows names as names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from unicodedata import category

import pytest
import report_folders as made
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness import cli, store
from harness.cli.run import exit_code
from harness.gate import decision
from harness.model import (
    Cell,
    Failed,
    Failure,
    MergedSession,
    Outcome,
    ResultFolder,
    RunResult,
    ShardRecord,
    Skipped,
)
from harness.report.digest.as_json import as_json
from harness.report.digest.page import markdown, terminal
from harness.report.digest.sessions import digest_session
from harness.report.digest.values import (
    Change,
    DeviceSeen,
    Digest,
    Finding,
    LaneHours,
    SessionDigest,
    Trouble,
    Unreadable,
    Verdicts,
)
from harness.store.gate_record import (
    GATE,
    RED,
    Drift,
    EnvironmentChange,
    GateRecord,
    GateVerdict,
    Judgement,
    gate_to_bytes,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "nightly.md"
ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SIMD = Cell("blazeface", "fp32", "chromium", "simd")


def night(
    started: str = "2026-11-24T01:30:00+00:00",
    outcomes: Mapping[Cell, Outcome] | None = None,
    **changes: Any,
) -> ResultFolder:
    """A session on Chromium alone, in which everything was measured that is not given."""
    record = made.session(
        targets=(made.CHROMIUM,), blocks=6, memory_runs=0, started_utc=started, **changes
    )
    given_outcomes = outcomes or {}
    return made.folder(
        record,
        lambda cell, _: given_outcomes.get(cell, made.times(0.01)),
        path=f"results/quickstart/{started[:10]}",
    )


def with_runs(folder: ResultFolder, change: Any) -> ResultFolder:
    return replace(folder, runs=tuple(change(run) for run in folder.runs))


def digested(folder: ResultFolder, *earlier: ResultFolder, gate: GateRecord | None = None) -> str:
    return terminal(Digest((digest_session(folder, gate, earlier),)))


def findings(folder: ResultFolder, **changes: Any) -> list[tuple[str, bool]]:
    session = digest_session(folder, changes.get("gate"), changes.get("earlier", ()))
    return [(finding.trouble, finding.red) for finding in session.findings]


# What is wrong


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


RUNS: st.SearchStrategy[Outcome] = st.sampled_from(
    [
        made.times(0.01),
        made.failed(),
        Failed(Failure("page-hidden", "the page was hidden", "keep it in front")),
        Failed(Failure("conditions-invalid", "thermal status 4", "let it cool")),
        Skipped(Failure("target-lost", "it went away", "look at its cable")),
        Skipped(Failure("time", "06:30 has come", "go on with --resume")),
        made.skipped(),
        made.skipped(expected=True),
    ]
)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_digest_is_red_exactly_where_the_session_did_not_end_with_0(data: st.DataObject) -> None:
    few = data.draw(st.lists(RUNS, min_size=1, max_size=3))
    folder = with_runs(night(), lambda run: replace(run, outcome=data.draw(st.sampled_from(few))))
    assert digest_session(folder, None, ()).red is (exit_code(folder) != 0)


# What a gate said


def gate_of(*judgements: Judgement, green: bool = False, **changes: Any) -> GateRecord:
    record = GateRecord(
        suite="quickstart",
        decided_utc="2026-11-24T05:00:00+00:00",
        candidate="c" * 64,
        last_good="a" * 64,
        green=green,
        moved=green,
        why_not_moved="" if green else "a cell regressed",
        judgements=judgements,
    )
    return replace(record, **changes)


SLOWER = Judgement(
    SIMD, "latency", "regressed", "s", 0.01, 0.0105, 0.05, 0.031, 0.074, 0.001, 12, 0.02
)


def test_a_regression_is_told_with_its_interval_and_what_was_allowed() -> None:
    gate = gate_of(SLOWER, replace(SLOWER, what="file_bytes", verdict="unchanged"))
    session = digest_session(night(), gate, ())
    [finding] = session.findings
    assert (finding.trouble, finding.red) == ("regressed", True)
    assert finding.why == "latency +5 % [+3.1, +7.4], allowed 2 %"
    assert finding.next_step.endswith("edgebench history 'blazeface/fp32 on chromium/simd'")
    assert session.verdicts is not None
    assert session.verdicts.counts == {"regressed": 1, "unchanged": 1}
    assert session.complete == 6
    assert (
        "gate: not green, 1 regressed, 1 unchanged; last good stays: a cell regressed"
        in digested(night(), gate=gate)
    )


def test_a_newly_failed_cell_is_told_once_with_the_reason_of_its_runs() -> None:
    gate = gate_of(Judgement(SIMD, "outcome", "newly failed"))
    [finding] = digest_session(night(outcomes={SIMD: made.failed()}), gate, ()).findings
    assert (finding.trouble, finding.next_step) == ("newly failed", "raise timeout_s")


def test_a_missing_cell_that_no_run_tells_of_is_told_from_the_gate() -> None:
    absent = Cell("blazeface", "fp32", "chromium", "gone")
    gate = gate_of(Judgement(absent, "outcome", "missing", why="it was not planned"))
    assert findings(night(), gate=gate) == [("missing", True)]


def test_what_fails_as_it_did_at_last_good_is_to_be_watched() -> None:
    gate = gate_of(
        Judgement(SIMD, "outcome", "unchanged", why="failed, as at last good"), green=True
    )
    folder = night(outcomes={SIMD: made.failed()})
    assert findings(folder, gate=gate) == [("failed", False)]
    first = gate_of(green=True, first_night=True)
    assert findings(folder, gate=first) == [("failed", True)]
    assert "gate: first night, green" in digested(folder, gate=first)


def test_a_cell_that_neither_build_gave_is_red_and_no_regression() -> None:
    gate = gate_of(Judgement(SIMD, "outcome", "environment changed", why="both fail"), green=True)
    assert findings(night(), gate=gate) == [("environment changed", True)]
    assert findings(night(outcomes={SIMD: made.failed()}), gate=gate) == [("failed", True)]


def test_a_proved_drift_is_red_and_one_that_is_not_proved_is_why_last_good_stays() -> None:
    drift = Drift(SIMD, 0.041, 0.033, 0.052, bound=0.03, exceeds=True, confirmed=True)
    [finding] = digest_session(night(), gate_of(green=True, drift=(drift,)), ()).findings
    assert (finding.trouble, finding.red) == ("drifted", True)
    assert finding.why == "latency +4.1 % [+3.3, +5.2] from the pinned reference, allowed 3 %"
    gate = gate_of(
        green=True,
        moved=False,
        why_not_moved="1 thing drifted",
        drift=(replace(drift, confirmed=False),),
    )
    assert findings(night(), gate=gate) == [("last good stays", False)]


def test_counts_are_told_as_counts() -> None:
    fewer = Judgement(SIMD, "nodes_delegated", "regressed", "1", 30.0, 28.0, threshold=0.0)
    [finding] = digest_session(night(), gate_of(fewer), ()).findings
    assert finding.why == "nodes_delegated 30 → 28, allowed 0"


def test_the_second_build_of_a_gate_is_no_device_and_no_cell_of_the_suite() -> None:
    twin = replace(made.CHROMIUM, name="chromium (last good)", baseline=None, ratios=())
    record = made.session(targets=(made.CHROMIUM, twin), memory_runs=0)
    folder = made.folder(record, lambda *_: made.times(0.01))
    session = digest_session(folder, gate_of(green=True), (folder,))
    assert [device.target for device in session.devices] == ["chromium"]
    assert (session.cells, session.complete, session.measured) == (6, 6, 72)


def test_a_gate_goes_on_as_a_gate() -> None:
    folder = night(command=("edgebench", "gate", "quickstart.yaml"))
    [finding] = digest_session(replace(folder, runs=folder.runs[:-1]), None, ()).findings
    assert finding.next_step.startswith("make the missing runs: edgebench gate SUITE --resume")


def test_a_gate_that_has_decided_does_not_go_on_with_its_session() -> None:
    lost = dict.fromkeys(night().session.cells, made.skipped())
    missing = [Judgement(cell, "outcome", "missing") for cell in lost]
    [finding] = digest_session(night(outcomes=lost), gate_of(*missing), ()).findings
    assert finding.next_step == "attach a phone; then measure again: edgebench gate SUITE"


def test_a_gate_that_is_not_green_is_red_whatever_it_says() -> None:
    assert findings(night(), gate=gate_of()) == [("gate not green", True)]


def test_a_green_gate_that_moved_nothing_says_why() -> None:
    gate = gate_of(green=True, moved=False, why_not_moved="drift of 3.4 % is above 3 %")
    assert findings(night(), gate=gate) == [("last good stays", False)]


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_digest_is_red_exactly_where_the_gate_did_not_end_with_0(data: st.DataObject) -> None:
    own = night().session.cells
    judgements = data.draw(
        st.lists(
            st.builds(
                Judgement,
                st.sampled_from(own),
                st.sampled_from(["latency", "outcome", "nodes_delegated"]),
                st.sampled_from(get_args(GateVerdict)),
            ),
            max_size=4,
        )
    )
    drift = data.draw(
        st.lists(st.builds(Drift, st.sampled_from(own), st.just(0.04), confirmed=st.booleans()))
    )
    gate = gate_of(
        *judgements,
        green=not any(each.verdict in RED for each in judgements),
        drift=tuple(drift),
    )
    spoilt = data.draw(st.dictionaries(st.sampled_from(own), RUNS, max_size=3))
    session = digest_session(night(outcomes=spoilt), gate, ())
    assert session.red is (decision.exit_code(gate) != 0)


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


# The page


names = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("\n\r\x1b\u202e\ud800#*_`[](){}<>|&-")),
    max_size=30,
)
cells = st.builds(Cell, names, names, names, names)
scalars = st.one_of(st.none(), names, st.integers(), st.booleans(), st.just("a" * 64))


@st.composite
def session_digests(draw: st.DrawFn) -> SessionDigest:
    def some(strategy: st.SearchStrategy[Any], most: int = 60) -> tuple[Any, ...]:
        # Drawn once and repeated: what counts is how many there are.
        one = draw(st.lists(strategy, max_size=2))
        return tuple(one * draw(st.integers(0, most))) if one else ()

    return SessionDigest(
        suite=draw(names),
        folder=draw(names),
        label=draw(names),
        started_utc=draw(names),
        cells=draw(st.integers(0, 10**6)),
        complete=0,
        runs=0,
        measured=0,
        verdicts=draw(
            st.none() | st.builds(Verdicts, counts=st.dictionaries(names, st.integers(0, 9)))
        ),
        devices=some(st.builds(DeviceSeen, target=names, bench=names, device=names, why=names)),
        findings=some(
            st.builds(
                Finding,
                target=names,
                cells=st.lists(cells, max_size=5).map(tuple),
                why=names.map(lambda name: name * 20),
                next_step=names.map(lambda name: name * 40),
            )
        ),
        lanes=some(
            st.builds(
                LaneHours, bench=names, measuring_s=st.floats(0, 1e6), span_s=st.floats(0, 1e6)
            )
        ),
        changes=some(
            st.builds(
                Change,
                bench=names,
                targets=st.lists(names, max_size=2).map(tuple),
                factor=names,
                fact=names,
                before=scalars,
                now=scalars,
                since=names,
            )
        ),
    )


digests = st.builds(
    lambda sessions, times, unreadable, folders: Digest(
        tuple(sessions * times), tuple(unreadable * folders)
    ),
    st.lists(session_digests(), max_size=3),
    st.integers(0, 40),
    st.lists(st.builds(Unreadable, names, names, names), max_size=1),
    st.integers(0, 60),
)


@settings(deadline=None, max_examples=40)
@given(digests)
def test_a_page_has_at_most_forty_lines_and_steers_no_terminal(digest: Digest) -> None:
    for text in (terminal(digest), markdown(digest)):
        lines = text.split("\n")
        assert len(lines) - 1 <= 40
        assert lines[-1] == ""
        assert not {category(character) for line in lines for character in line} & ACTING


@settings(deadline=None, max_examples=25)
@given(session_digests())
def test_json_is_whole_and_plain_ascii_whatever_the_names(session: SessionDigest) -> None:
    digest = Digest((session,), (Unreadable(session.folder, session.suite, session.label),))
    read = json.loads(as_json(digest).encode("ascii"))
    assert (read["format"], read["version"], read["red"]) == ("edgebench-digest", 1, digest.red)
    assert [len(each["findings"]) for each in read["sessions"]] == [
        len(session.findings) for session in digest.sessions
    ]


@settings(deadline=None, max_examples=40)
@given(names)
def test_a_name_makes_no_markup_in_markdown(name: str) -> None:
    session = replace(digest_session(night(), None, ()), suite=f"a{name}b", label=f"a{name}b")
    html = MarkdownIt("commonmark", {"html": True}).render(markdown(Digest((session,))))
    assert not any(tag in html for tag in ("<a", "<em", "<strong", "<code", "<img", "<script"))


def test_a_crowded_page_keeps_what_is_red_and_counts_what_it_leaves_out() -> None:
    one = digest_session(night(outcomes={SIMD: made.failed()}), None, ())
    crowded = replace(
        one,
        findings=one.findings * 50,
        devices=one.devices * 50,
        lanes=one.lanes * 50,
    )
    page = terminal(Digest((crowded,))).splitlines()
    assert len(page) == 40
    assert "  wrong: 50 failed" in page
    assert "  devices: 50 present" in page
    assert sum(line.startswith("      next: ") for line in page) >= 4
    assert sum(line.strip().startswith("and ") for line in page) == 3


def test_of_many_suites_the_red_ones_are_told_and_the_green_ones_have_a_line_each() -> None:
    green = digest_session(night(), None, ())
    red = digest_session(night(outcomes={SIMD: made.failed()}), None, ())
    page = terminal(Digest((*[green] * 20, red))).splitlines()
    assert len(page) <= 40
    assert page[0] == "Digest of 21 sessions: 1 RED"
    assert page[1].startswith("quickstart: RED, session of")
    assert any("next: raise timeout_s" in line for line in page)
    assert page[-1] == "quickstart: green, 6 of 6 cells complete, 2.40 min"
    page = terminal(Digest((*[green] * 200, red))).splitlines()
    assert (len(page), page[-1]) == (40, "and 163 sessions more")


# The verb


def kept(folder: ResultFolder, path: Path) -> Path:
    with store.create(path, folder.session, "suite: quickstart\n") as writer:
        for run in folder.runs:
            writer.append(run)
    return path


def test_the_verb_takes_the_latest_session_of_each_suite_and_tells_red_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(night(outcomes={SIMD: made.failed()}), tmp_path / "results" / "quickstart" / "1")
    kept(night("2026-11-25T01:30:00+00:00"), tmp_path / "results" / "quickstart" / "2")
    other = night("2026-11-20T01:30:00+00:00", suite="other")
    kept(other, tmp_path / "results" / "other" / "1")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["digest"]) == 0
    said = capsys.readouterr().out
    assert "Digest of 2 sessions: all green" in said
    assert cli.main(["digest", "results/quickstart/1", "--json"]) == 1
    [session] = json.loads(capsys.readouterr().out)["sessions"]
    assert session["red"]
    assert session["compared_with"] == ""
    assert cli.main(["digest", "results/quickstart/2", "--format", "markdown"]) == 0
    assert "nothing known changed since the session of 2026-11-24" in capsys.readouterr().out


def test_shards_of_one_plan_stand_beside_each_other_until_they_are_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [
        night(f"2026-11-2{day}T01:3{index}:00+00:00", label=f"m{index}", shard=shard_of(index))
        for day in (4, 5)
        for index in (1, 2)
    ]
    for number, each in enumerate(shards):
        kept(each, tmp_path / str(number))
    assert cli.main(["digest", str(tmp_path), "--json"]) == 0
    sessions = json.loads(capsys.readouterr().out)["sessions"]
    assert [session["started_utc"][:16] for session in sessions] == [
        "2026-11-25T01:31",
        "2026-11-25T01:32",
    ]
    assert [Path(session["compared_with"]).name for session in sessions] == ["0", "1"]
    assert not any(session["findings"] for session in sessions)
    parts = tuple(MergedSession(each.session, ()) for each in shards[2:])
    kept(night("2026-11-25T01:31:00+00:00", label="merged", merged=parts), tmp_path / "merged")
    assert cli.main(["digest", str(tmp_path), "--json"]) == 0
    [session] = json.loads(capsys.readouterr().out)["sessions"]
    assert session["label"] == "merged"


def shard_of(index: int) -> ShardRecord:
    return ShardRecord(index, 2, {"host": 1, "phone:ab": 2}, ("chromium",))


def test_a_folder_that_cannot_be_read_is_red_and_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(night(), tmp_path / "good" / "1")
    (kept(night(suite="bad"), tmp_path / "bad" / "1") / "session.json").write_text("{")
    (tmp_path / "good" / "1" / GATE).write_text("{}")
    assert cli.main(["digest", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "bad/1: RED, cannot be read" in said
    assert "this is not the record of a gate" in said
    assert "quickstart: green" in said


def test_the_record_of_a_gate_is_found_in_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = gate_of(SLOWER, confirmation="fresh")
    (kept(night(), tmp_path / "1") / GATE).write_bytes(gate_to_bytes(record))
    kept(night("2026-11-24T03:30:00+00:00"), tmp_path / "1" / "fresh")
    assert cli.main(["digest", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "regressed chromium, blazeface/fp32 simd" in said
    assert "72 runs on chromium" in said
    assert "session of 2026-11-24 01:30" in said


def test_nothing_to_tell_of_is_an_error_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["digest"]) == 4
    assert capsys.readouterr().out == ""


def documented_night() -> SessionDigest:
    """A night in which a phone was away, beside the night before."""
    pixel = replace(made.DEVICE, name="pixel", bench="phone:1a2b3c4d", virtual=False)

    def session(day: int, browser: str, *, away: bool) -> ResultFolder:
        record = made.session(
            targets=(made.CHROMIUM, pixel),
            suite="nightly",
            label="bench-7",
            memory_runs=0,
            started_utc=f"2026-11-{day}T01:30:00+00:00",
            command=("edgebench", "gate", "nightly.yaml"),
        )
        path = f"results/nightly/2026-11-{day}T013000Z_bench-7"
        lost = made.skipped() if away else made.times(0.01)
        folder = made.folder(
            record, lambda cell, _: lost if cell.target == "pixel" else made.times(0.01), path=path
        )

        def placed(run: RunResult) -> RunResult:
            phone = run.cell.target == "pixel"
            minute = 30 + 4 * run.block
            named = {} if phone and away else {"device": "Pixel 8"} if phone else run.setting
            return replace(
                run,
                bench=pixel.bench if phone else "host",
                started_utc=f"2026-11-{day}T01:{minute}:00.000+00:00",
                duration_s=0.0 if phone and away else 18.0,
                setting=named,
                subject=run.subject if phone else {**run.subject, "browser": browser},
            )

        return with_runs(folder, placed)

    before = session(24, "chromium 155.0.7990.2", away=False)
    tonight = session(25, "chromium 156.0.8078.79", away=True)
    gate = gate_of(
        *(
            Judgement(cell, "outcome", "missing" if cell.target == "pixel" else "unchanged")
            for cell in tonight.session.cells
        ),
        why_not_moved="4 verdicts of it are red",
    )
    return digest_session(tonight, gate, (before,))


def test_the_documentation_shows_a_page_as_it_is() -> None:
    documented = DOCUMENT.read_text(encoding="utf-8")
    assert f"```\n{terminal(Digest((documented_night(),)))}```\n" in documented


def test_the_documentation_says_what_each_trouble_means() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    named = {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert set(get_args(Trouble)) <= named


def test_the_documentation_names_every_field_of_the_json() -> None:
    documented = DOCUMENT.read_text(encoding="utf-8")
    for kind in (
        Digest,
        SessionDigest,
        DeviceSeen,
        Finding,
        LaneHours,
        Change,
        Verdicts,
        Unreadable,
    ):
        for name in kind.__dataclass_fields__:
            assert f"`{name}`" in documented, f"{kind.__name__}.{name}"
