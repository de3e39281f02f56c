"""The morning page tells what a gate decided, and is as red as the gate itself."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import report_folders as made
from digest_nights import RUNS, SIMD, SLOWER, digested, findings, gate_of, night
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.gate import decision
from harness.model import (
    Cell,
)
from harness.report.digest.sessions import digest_session
from harness.store.gate_record import (
    RED,
    Drift,
    GateVerdict,
    Judgement,
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
