"""Marking, pruning and noting, ended or refused at any operation, leave whole lines and whole runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import merge_folders as made
import pytest
from injection import killed, moments, operations_of, power_cut_after, without_room

from harness import store
from harness.errors import StoreError
from harness.model import Failed
from harness.store.marking import add_mark
from harness.store.marks import read_marks
from harness.store.pruned import prune, read_pruned
from harness.store.publications import note_publication, read_publications
from harness.store.used import Used

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

TOOL = Used("sha256", "ab" * 32)
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    session = made.a_session("host")
    runs = [replace(run, subject={"tool_sha256": TOOL.digits}) for run in made.runs_of(session)]
    return made.write(tmp_path / "place", session, runs[:2])


def mark(place: Path) -> None:
    add_mark(place, TOOL, "invalid", "a debug build")


def note(place: Path) -> None:
    note_publication(place, "--out", place.parent / "site", [place])


def remove(place: Path) -> None:
    prune(place, LATER)


def lines_are_whole(place: Path) -> None:
    marks, notes = read_marks(place), read_publications(place)
    assert len(marks) <= 1
    assert len(notes) <= 1
    invalid = [isinstance(run.outcome, Failed) for run in store.read(place).runs]
    assert invalid == [bool(marks)] * 2


def runs_are_whole(place: Path) -> None:
    for run in store.read(place).runs:
        there = place / run.raw
        if there.exists():
            assert sorted(path.name for path in there.iterdir()) == ["run.json", "value"]
        else:
            assert read_pruned(place) is not None


ACTIONS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "mark": (mark, lines_are_whole),
    "note": (note, lines_are_whole),
    "prune": (remove, runs_are_whole),
}


def done(place: Path) -> bool:
    gone = not any((place / "raw").glob("[!.]*"))
    return bool(read_marks(place)) or bool(read_publications(place)) or gone


@pytest.mark.parametrize("name", ACTIONS)
def test_killed_anywhere_it_is_done_or_not_begun_and_the_same_again_does_it(
    name: str, place: Path, tmp_path: Path
) -> None:
    act, check_whole = ACTIONS[name]
    shutil.copytree(place, tmp_path / "before")
    operations = operations_of(lambda: act(place), place)
    for number, moment in moments(operations):
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "before", place)
        assert killed(lambda: act(place), place, number, moment).killed
        check_whole(place)
        act(place)
        check_whole(place)
        assert done(place)


@pytest.mark.parametrize("name", ACTIONS)
def test_a_full_disk_is_said_and_leaves_what_was_there(
    name: str, place: Path, tmp_path: Path
) -> None:
    act, check_whole = ACTIONS[name]
    shutil.copytree(place, tmp_path / "before")
    operations = operations_of(lambda: act(place), place)
    for number in range(len(operations)):
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "before", place)
        ended = without_room(lambda: act(place), place, number)
        assert ended.error is None or isinstance(ended.error, StoreError), operations[number]
        check_whole(place)
        act(place)
        assert done(place)


def test_no_power_cut_can_lose_that_raw_files_were_pruned(place: Path) -> None:
    assert power_cut_after(operations_of(lambda: remove(place), place)).harm == []
