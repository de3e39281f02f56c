"""A gate that is ended or refused while last good moves keeps the old build, or the new, whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import merge_folders as made
import pytest
from gate_parts import night_of
from injection import killed, moments, operations_of, power_cut_after, without_room
from test_gate_last_good import collected

from harness.errors import StoreError
from harness.gate.builds import KeptNight
from harness.gate.collecting import Collected
from harness.gate.last_good import LastGood

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


class Moving:
    """Last good, which moves from one build to another that has a part of its own."""

    def __init__(self, tmp_path: Path) -> None:
        self.place = tmp_path / "place"
        self.kept = LastGood(self.place / "last-good")
        self.before = tmp_path / "before"
        self.new = collected(tmp_path / "new", b"newer weights")
        self.place.mkdir()
        old = collected(tmp_path / "old")
        self.move_to(old)
        self.kept.pin(night_of(old.build))
        self.nights = [self.night(), night_of(self.new.build)]
        self.place.rename(self.before)

    def move_to(self, found: Collected) -> None:
        with self.kept.locked():
            self.kept.stage(found)
            self.kept.keep(night_of(found.build))
            self.kept.prune()

    def __call__(self) -> None:
        self.move_to(self.new)

    def begin(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.before, self.place)

    def night(self) -> KeptNight:
        night = self.kept.read()
        assert night is not None
        self.kept.check(night.build)
        return night

    def check_and_repeat(self, whole: dict[str, bytes]) -> None:
        assert self.night() in self.nights
        reference = self.kept.read_reference()
        assert reference is not None
        self.kept.check(reference.build)
        self()
        assert made.contents(self.place) == whole


@pytest.fixture
def moving(tmp_path: Path) -> Moving:
    return Moving(tmp_path)


def test_last_good_that_is_killed_anywhere_is_the_old_build_or_the_new(moving: Moving) -> None:
    moving.begin()
    operations = operations_of(moving, moving.place)
    whole = made.contents(moving.place)
    for number, moment in moments(operations):
        moving.begin()
        assert killed(moving, moving.place, number, moment).killed
        moving.check_and_repeat(whole)


def test_last_good_on_a_full_disk_is_the_old_build_or_the_new(moving: Moving) -> None:
    moving.begin()
    operations = operations_of(moving, moving.place)
    whole = made.contents(moving.place)
    for number in range(len(operations)):
        moving.begin()
        ended = without_room(moving, moving.place, number)
        if ended.error is not None:
            assert isinstance(ended.error, StoreError), operations[number]
            assert "free some space" in ended.error.hint
        moving.check_and_repeat(whole)


def test_no_power_cut_can_tear_what_last_good_moves_to(moving: Moving) -> None:
    moving.begin()
    operations = operations_of(moving, moving.place)
    assert power_cut_after(operations).torn == []
    moved = next(at for at, o in enumerate(operations) if o.to.endswith("/build.json"))
    assert not [at for at in power_cut_after(operations[:moved]).harm if "/parts/" in at]
    assert power_cut_after(operations).harm == []
