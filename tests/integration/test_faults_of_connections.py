"""Faults of a device's connection, through the real adb server: each is a stored outcome with
its class and next step, leaves nothing behind, and costs only its own cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from adb_parts import gone
from fault_parts import POLICY, SAMPLING, SAYS_A_KNOWN_LOG, Lab, outcomes

from harness.drivers.android_tflite import device_files
from harness.drivers.android_tflite import session as run_session
from harness.retries import RetryPolicy
from harness.runner.events import BlockAdded, Event, TargetBack
from harness.transports.virtual_setup import (
    CableCut,
    Dribbles,
    Fault,
    Greets,
    Hangs,
    Moment,
    SaysInstead,
    VirtualSetup,
)

pytestmark = pytest.mark.adb
HEALTHY = VirtualSetup()
# Only the command of a run has it.
RUN = "--graph="
BEGUN = "EDGEBENCH-BEGIN"
BRIEF = RetryPolicy(waits_s=(0.05, 0.05), losses_in_a_row=3, added_blocks=1)
# Its first run never ends; it is cut off.
WAITS = f"""
case $1 in --help) exit 1;; esac
if [ ! -e "$0.waited" ]; then echo > "$0.waited"; sleep 300 & wait; fi
{SAYS_A_KNOWN_LOG}"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    made = Lab(tmp_path, monkeypatch)
    yield made
    made.close()


def with_faults(*faults: Fault) -> VirtualSetup:
    return VirtualSetup(faults=faults)


def events(lab: Lab, kind: type[Event]) -> int:
    return sum(isinstance(event, kind) for event in lab.events)


@pytest.mark.parametrize("state", ["unauthorized", "offline", "recovery"])
def test_a_device_that_is_not_ready_is_skipped_by_its_state(
    lab: Lab, state: Literal["unauthorized", "offline", "recovery"]
) -> None:
    folder = lab.play(with_faults(Greets(state)), HEALTHY, policy=BRIEF)
    assert outcomes(folder) == [f"skipped: {state}"] * 2
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []


def test_a_cable_that_is_pulled_during_a_push_costs_one_block(lab: Lab) -> None:
    # Scripts and the tool are pushed when the session opens, the model of 300 kB in its runs.
    cut = CableCut(Moment("sync:", nth=4, received_bytes=150_000), back_after_s=0.2)
    folder = lab.play(with_faults(cut), HEALTHY)
    assert outcomes(folder) == ["target-lost", "measured", "measured"]
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []


def test_a_cable_that_is_pulled_during_a_run_costs_one_block(lab: Lab) -> None:
    cut = CableCut(Moment(RUN, said=BEGUN), back_after_s=0.2)
    folder = lab.play(with_faults(cut), script=WAITS, variants=("a", "b"))
    both = outcomes(folder) + outcomes(folder, variant="b")
    assert sorted(both) == [*["measured"] * 5, "target-lost"]
    assert events(lab, BlockAdded) == events(lab, TargetBack) == 1
    assert not gone(lab.handles[0].server_pid)
    assert lab.left() == []


def test_a_device_that_does_not_come_back_is_given_up(lab: Lab) -> None:
    cut = CableCut(Moment(RUN, said=BEGUN))
    folder = lab.play(with_faults(cut), HEALTHY, policy=BRIEF)
    first, *others = outcomes(folder)
    assert first == "target-lost"
    assert len(others) == 2
    assert set(others) <= {"skipped: offline", "skipped: target-not-found"}
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert not gone(lab.handles[0].server_pid)


def test_a_device_that_is_lost_again_and_again_is_put_into_quarantine(lab: Lab) -> None:
    cuts = [CableCut(Moment(RUN, nth=nth, said=BEGUN), back_after_s=0.1) for nth in (1, 2)]
    policy = RetryPolicy(waits_s=POLICY.waits_s, losses_in_a_row=2, added_blocks=1)
    folder = lab.play(with_faults(*cuts), HEALTHY, policy=policy)
    assert outcomes(folder) == ["target-lost", "target-lost", "skipped: quarantined"]
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []


def test_a_reboot_in_the_middle_has_its_own_class(lab: Lab) -> None:
    cut = CableCut(Moment(RUN, said=BEGUN), back_after_s=0.2, reboots=True)
    folder = lab.play(with_faults(cut))
    assert outcomes(folder) == ["rebooted", "measured", "measured"]
    assert lab.left() == []


def test_an_adb_call_that_does_not_answer_is_no_fault_of_the_model(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_files, "SHORT_S", 0.5)
    # What is read after the tool has ended.
    folder = lab.play(with_faults(Hangs(Moment("stdout.txt", nth=2))))
    assert outcomes(folder) == ["adb-timed-out", "measured", "measured"]
    assert lab.left() == []


def test_a_stream_that_dribbles_is_ended_by_the_deadline_over_the_whole_call(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_session, "_MARGIN_S", 0.2)
    sampling = SAMPLING.model_copy(update={"timeout_s": 0.5})
    # Every byte comes in time; all of them would take half a minute.
    folder = lab.play(with_faults(Dribbles(RUN, every_s=0.2)), HEALTHY, sampling=sampling)
    assert outcomes(folder) == ["timed-out", "timed-out"]
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []


def test_a_connection_that_ends_before_the_tool_says_so_is_never_a_number(lab: Lab) -> None:
    cut_short = SaysInstead("EDGEBENCH-END[^\n]*\n", "", service=RUN)
    folder = lab.play(with_faults(cut_short))
    assert outcomes(folder) == ["no-end-marker"] * 3
    assert lab.left() == []
