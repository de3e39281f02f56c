"""A session that is ended, or refused, at any operation keeps what it finished and can go on."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from injection import (
    Operation,
    joined,
    killed,
    moments,
    operations_of,
    power_cut_after,
    refused_at_size,
    started,
    without_room,
)
from runner_parts import Played, a_target, value

from harness import store
from harness.errors import StoreError
from harness.model import Measured, ResultFolder
from harness.runner import lane
from harness.runner.expectation import Expectation
from harness.store.raw import digest_of, read_raw

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

PLANNED = {("a", 1), ("a", 2), ("b", 1), ("b", 2)}


@pytest.fixture(autouse=True)
def _no_inputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(
        lane, "expect", lambda *_, **__: Expectation((), "0" * 64, "", None, 1e-4, "no reference")
    )


def play(place: Path, *, resume: bool = False) -> bool:
    """Make four runs in `place/r`, or those of them that are missing."""
    target = a_target({"a": value(1), "b": value(2)}, bench="elsewhere")
    return Played(place, target, resume=resume).finished


def finished_before(operations: Sequence[Operation], number: int) -> int:
    """Return how many runs were finished before the n-th operation: their lines were synced."""
    done = [o for o in operations[:number] if o.name == "fsync" and o.path.endswith("/runs.jsonl")]
    return sum(".partial" not in o.path for o in done)


def check(folder: ResultFolder) -> set[tuple[str, int]]:
    """Check that every run of a folder is whole, with its raw files; return which they are."""
    for run in folder.runs:
        assert isinstance(run.outcome, Measured)
        assert digest_of(read_raw(Path(folder.path), run)) == run.raw_sha256
    found = [(run.cell.variant, run.block) for run in folder.runs]
    assert len(found) == len(set(found))
    return set(found)


def go_on(place: Path, least: int) -> None:
    """Check what is there, with at least so many runs, and let the session come to its end."""
    if (place / "r").exists():
        there = check(store.read(place / "r"))
        assert least <= len(there) <= least + 1
        play(place, resume=True)
        assert there <= PLANNED
    else:
        assert least == 0
        play(place)
    assert check(store.read(place / "r")) == PLANNED
    left = [path.name for path in (place / "r").rglob("*") if path.name.endswith(".partial")]
    assert left == []


def test_a_session_that_is_killed_anywhere_loses_no_finished_run_and_can_go_on(
    tmp_path: Path,
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    operations = operations_of(lambda: play(place), place)
    assert finished_before(operations, len(operations)) == len(PLANNED)
    for number, moment in moments(operations):
        shutil.rmtree(place)
        place.mkdir()
        assert killed(lambda: play(place), place, number, moment).killed
        go_on(place, finished_before(operations, number + (moment == "after")))


def test_a_session_that_goes_on_and_is_killed_anywhere_again_can_go_on(tmp_path: Path) -> None:
    begun, place = tmp_path / "begun", tmp_path / "place"
    begun.mkdir()
    operations = operations_of(lambda: play(begun), begun)
    lines = [at for at, o in enumerate(operations) if o.path.endswith("/r/runs.jsonl")]
    writes = [at for at in lines if operations[at].name == "write"]
    shutil.rmtree(begun)
    begun.mkdir()
    killed(lambda: play(begun), begun, writes[1], "half")
    assert not (begun / "r/runs.jsonl").read_bytes().endswith(b"\n")
    shutil.copytree(begun, place)
    resumed = operations_of(lambda: play(place, resume=True), place)
    for number, moment in moments(resumed):
        shutil.rmtree(place)
        shutil.copytree(begun, place)
        assert killed(lambda: play(place, resume=True), place, number, moment).killed
        go_on(place, 1 + finished_before(resumed, number + (moment == "after")))


def test_a_disk_that_is_full_from_any_operation_on_is_said_and_loses_no_finished_run(
    tmp_path: Path,
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    operations = operations_of(lambda: play(place), place)
    for number in range(len(operations)):
        shutil.rmtree(place)
        place.mkdir()
        ended = without_room(lambda: play(place), place, number)
        assert isinstance(ended.error, StoreError), operations[number]
        assert "free some space" in ended.error.hint
        go_on(place, finished_before(operations, number))


def test_a_full_disk_for_a_sessions_own_files_is_said_too(
    tmp_path: Path,
) -> None:
    operations = operations_of(lambda: play(tmp_path), tmp_path / "scratch")
    made = [at for at, o in enumerate(operations) if o.name == "mkdir"]
    assert len(made) == 2
    for number in made:
        shutil.rmtree(tmp_path / "r")
        ended = without_room(lambda: play(tmp_path), tmp_path / "scratch", number)
        assert isinstance(ended.error, StoreError)
        assert "free some space" in ended.error.hint
        go_on(tmp_path, 0)


@pytest.mark.parametrize("limit", [0, 1, 100, 700, 1000, 2000])
def test_a_limit_of_the_kernel_on_the_size_of_files_is_said(tmp_path: Path, limit: int) -> None:
    ended = refused_at_size(lambda: play(tmp_path), limit)
    assert isinstance(ended.error, StoreError)
    assert "ulimit" in ended.error.hint
    least = len(store.read(tmp_path / "r").runs) if (tmp_path / "r").exists() else 0
    go_on(tmp_path, least)


def test_no_power_cut_can_tear_what_a_session_has_finished(tmp_path: Path) -> None:
    operations = operations_of(lambda: play(tmp_path), tmp_path)
    # The scratch folder of a session is for the session alone.
    kept = [o for o in operations if "/scratch" not in o.path]
    ends = [at + 1 for at, o in enumerate(kept) if finished_before([o], 1)]
    assert len(ends) == len(PLANNED)
    for end in ends:
        assert power_cut_after(kept[:end]).harm == []


def test_of_several_sessions_that_begin_in_one_folder_one_gets_it(tmp_path: Path) -> None:
    children = [started(lambda: play(tmp_path)) for _ in range(4)]
    ended = [joined(child) for child in children]
    assert [each.value for each in ended].count(True) == 1
    for each in ended:
        if each.error is not None:
            assert isinstance(each.error, StoreError)
            assert each.error.exit_code == 4
    assert check(store.read(tmp_path / "r")) == PLANNED


def test_of_several_sessions_that_go_on_in_one_folder_none_spoils_it(tmp_path: Path) -> None:
    operations = operations_of(lambda: play(tmp_path), tmp_path)
    half = len(operations) // 2
    shutil.rmtree(tmp_path / "r")
    killed(lambda: play(tmp_path), tmp_path, half, "before")
    children = [started(lambda: play(tmp_path, resume=True)) for _ in range(4)]
    ended = [joined(child) for child in children]
    assert any(each.value for each in ended)
    assert all(isinstance(e.error, StoreError) for e in ended if e.error is not None)
    assert check(store.read(tmp_path / "r")) == PLANNED


def test_a_line_that_could_not_be_taken_back_does_not_spoil_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(tmp_path)
    run = store.read(tmp_path / "r").runs[0]
    writer, _ = store.resume(tmp_path / "r")
    with writer:
        with monkeypatch.context() as refusing:

            def half(descriptor: int, data: bytes) -> int:
                refusing.undo()
                written = __import__("os").write(descriptor, data[:9])
                refusing.setattr("os.write", _full)
                refusing.setattr("os.ftruncate", _full)
                return int(written)

            refusing.setattr("os.write", half)
            with pytest.raises(StoreError):
                writer.append(run)
        writer.append(run)
    lines = (tmp_path / "r" / "runs.jsonl").read_text().splitlines()
    assert [json.loads(line)["schema"] for line in lines] == [1] * (len(PLANNED) + 1)


def _full(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")
