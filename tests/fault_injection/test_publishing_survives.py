"""Publishing that is ended or refused at any operation leaves the old page or the new, whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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

from harness.cli import main
from harness.errors import EXIT_OK, EXIT_STORE


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A place with two nights' folders beside it, and a page of the first one in it."""
    for name, runs in (("first", 2), ("second", 4)):
        session = made.a_session("host", label=name)
        made.write(tmp_path / name, session, made.runs_of(session)[:runs])
    assert main(["publish", str(tmp_path / "first"), "--out", str(tmp_path / "old")]) == EXIT_OK
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def publishing(place: Path) -> Callable[[], int]:
    return lambda: main(["publish", str(place.parent / "second"), "--out", str(place / "site")])


def begin(place: Path) -> None:
    shutil.rmtree(place)
    place.mkdir()
    shutil.copytree(place.parent / "old", place / "site")


def check_whole(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert pages
    for page in pages:
        assert page.read_text(encoding="utf-8").rstrip().endswith("</html>"), page


def test_a_page_that_is_published_anew_is_whole_at_every_moment(place: Path) -> None:
    begin(place)
    operations = operations_of(publishing(place), place)
    whole = made.contents(place / "site")
    assert operations
    for number, moment in moments(operations):
        begin(place)
        assert killed(publishing(place), place, number, moment).killed
        check_whole(place / "site")
        assert publishing(place)() == EXIT_OK
        assert made.contents(place / "site") == whole


def test_a_full_disk_is_said_and_leaves_a_whole_page(place: Path) -> None:
    begin(place)
    operations = operations_of(publishing(place), place)
    whole = made.contents(place / "site")
    for number in range(len(operations)):
        begin(place)
        assert without_room(publishing(place), place, number).value in {EXIT_STORE, EXIT_OK}
        check_whole(place / "site")
        assert publishing(place)() == EXIT_OK
        assert made.contents(place / "site") == whole


def test_no_power_cut_can_tear_a_page_or_leave_one_that_leads_nowhere(place: Path) -> None:
    begin(place)
    operations = operations_of(publishing(place), place)
    assert power_cut_after(operations).torn == []
    entry = next(at for at, o in enumerate(operations) if o.to == str(place / "site/index.html"))
    new = [o.to for o in operations[:entry] if o.to and not o.replaces]
    assert new
    cut = power_cut_after(operations[:entry])
    assert not cut.contents
    assert not cut.names & set(new)


def test_publishers_that_race_for_one_site_leave_one_that_is_whole(place: Path) -> None:
    begin(place)
    assert publishing(place)() == EXIT_OK
    whole = made.contents(place / "site")
    for _ in range(3):
        begin(place)
        children = [started(publishing(place)) for _ in range(4)]
        assert {joined(child).value for child in children} <= {EXIT_OK, EXIT_STORE}
        check_whole(place / "site")
        assert publishing(place)() == EXIT_OK
        assert made.contents(place / "site") == whole
