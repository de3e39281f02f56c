"""A merge that is ended, refused or raced at any operation leaves a whole folder, or the old one."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import merge_folders as made
import pytest
from injection import (
    joined,
    killed,
    moments,
    operations_of,
    power_cut_after,
    started,
    without_room,
)

from harness import store
from harness.errors import StoreError
from harness.store.merging import merge

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

BENCHES = ("host", "phone:a1")


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    found = []
    for bench in BENCHES:
        session = made.a_session(bench)
        path = tmp_path / "inputs" / bench.replace(":", "-")
        found.append(made.write(path, session, made.runs_of(session)[:2], {"00": b"{}\n"}))
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def clear(place: Path, before: Path | None = None) -> None:
    shutil.rmtree(place)
    place.mkdir()
    if before is not None:
        shutil.copytree(before, place / "out")


def check_whole(out: Path, least: int) -> None:
    """Check that what is there under the folder's name is a folder with so many whole runs."""
    folder = store.read(out)
    assert len(folder.runs) >= least
    for run in folder.runs:
        assert sorted(path.name for path in (out / run.raw).iterdir()) == ["run.json", "value"]


def test_a_merge_that_is_killed_anywhere_leaves_no_half_folder_and_repeats(
    inputs: list[Path], place: Path
) -> None:
    operations = operations_of(lambda: merge(inputs, place / "out"), place)
    whole = made.contents(place / "out")
    for number, moment in moments(operations):
        clear(place)
        assert killed(lambda: merge(inputs, place / "out"), place, number, moment).killed
        if (place / "out").exists():
            check_whole(place / "out", 4)
        merge(inputs, place / "out")
        assert made.contents(place / "out") == whole
        assert [path.name for path in place.iterdir()] == ["out"]


def test_a_folder_that_grows_is_whole_at_every_moment(
    inputs: list[Path], place: Path, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    merge(inputs[:1], before)
    clear(place, before)
    operations = operations_of(lambda: merge(inputs[1:], place / "out"), place)
    whole = made.contents(place / "out")
    for number, moment in moments(operations):
        clear(place, before)
        assert killed(lambda: merge(inputs[1:], place / "out"), place, number, moment).killed
        check_whole(place / "out", 2)
        merge(inputs[1:], place / "out")
        assert made.contents(place / "out") == whole


@pytest.mark.parametrize("grows", [False, True])
def test_a_full_disk_is_said_and_leaves_what_was_there(
    inputs: list[Path], place: Path, tmp_path: Path, grows: bool
) -> None:
    before = tmp_path / "before"
    merge(inputs[:1], before)
    old = before if grows else None
    clear(place, old)
    operations = operations_of(lambda: merge(inputs, place / "out"), place)
    whole = made.contents(place / "out")
    for number in range(len(operations)):
        clear(place, old)
        ended = without_room(lambda: merge(inputs, place / "out"), place, number)
        if ended.error is not None:
            assert isinstance(ended.error, StoreError), operations[number]
            assert "free some space, then merge again" in ended.error.hint
        if (place / "out").exists():
            check_whole(place / "out", 2)
        merge(inputs, place / "out")
        assert made.contents(place / "out") == whole


def test_no_power_cut_can_tear_a_merged_folder(inputs: list[Path], place: Path) -> None:
    assert (
        power_cut_after(operations_of(lambda: merge(inputs[:1], place / "out"), place)).harm == []
    )
    assert power_cut_after(operations_of(lambda: merge(inputs, place / "out"), place)).harm == []


def test_merges_that_race_for_one_folder_end_in_the_same_bytes(
    inputs: list[Path], place: Path
) -> None:
    merge(inputs, place / "alone")
    for _ in range(5):
        shutil.rmtree(place / "out", ignore_errors=True)
        halves = [inputs, inputs[:1], inputs[1:], inputs[::-1]]
        children = [started(partial(merge, each, place / "out")) for each in halves]
        for ended in [joined(child) for child in children]:
            if ended.error is not None:
                assert isinstance(ended.error, StoreError)
                assert "another process is writing" in ended.error.message
        check_whole(place / "out", 2)
        merge(inputs, place / "out")
        assert made.contents(place / "out") == made.contents(place / "alone")
