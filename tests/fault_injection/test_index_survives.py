"""An index that is ended, refused or raced at any point says afterwards what the folders say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import merge_folders as made
import pytest
from injection import joined, killed, moments, operations_of, started
from sqlite_writes import (
    killed_in_sqlite,
    refused_in_sqlite,
    sqlite_changes,
    sqlite_moments,
)

from harness.cli import main
from harness.errors import EXIT_OK, EXIT_STORE

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

CELL = "model=net"
Tell = Callable[[], list[object]]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of results of two nights, a run in each."""
    for night in (1, 2):
        session = made.a_session("host", blocks=1, started_utc=f"2026-11-2{night}T02:00:00+00:00")
        session = replace(session, cells=session.cells[:1])
        runs = [replace(run, duration_s=float(night)) for run in made.runs_of(session)]
        made.write(tmp_path / "results" / f"night-{night}", session, runs)
    return tmp_path / "results"


@pytest.fixture
def tell(results: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    """What the verbs that use the index say, as JSON."""

    def told() -> list[object]:
        capsys.readouterr()
        found = []
        for verb in (["index"], ["history", CELL]):
            assert main([*verb, "--results", str(results), "--json"]) == EXIT_OK
            found.append(json.loads(capsys.readouterr().out))
        return found

    return told


def index(results: Path, *more: str) -> int:
    return main(["index", "--results", str(results), *more])


def clear(results: Path, kept: Path | None = None) -> None:
    shutil.rmtree(results / ".index", ignore_errors=True)
    if kept is not None:
        shutil.copytree(kept, results / ".index")


@pytest.fixture(params=["first", "new night", "rebuild"])
def case(
    request: pytest.FixtureRequest, results: Path, tmp_path: Path
) -> Iterator[tuple[Callable[[], int], Path | None]]:
    """What is done, and the index that is there before: none, of one night, or of both."""
    if request.param == "first":
        yield partial(index, results), None
        return
    if request.param == "new night":
        (results / "night-2").rename(tmp_path / "night-2")
    assert index(results) == EXIT_OK
    shutil.copytree(results / ".index", tmp_path / "kept")
    if request.param == "new night":
        (tmp_path / "night-2").rename(results / "night-2")
        yield partial(index, results), tmp_path / "kept"
    else:
        yield partial(index, results, "--rebuild"), tmp_path / "kept"


def test_an_index_that_is_killed_at_any_statement_is_brought_up_to_date_by_the_next(
    results: Path, tell: Tell, case: tuple[Callable[[], int], Path | None]
) -> None:
    action, kept = case
    expected = tell()
    clear(results, kept)
    operations = operations_of(action, results)
    assert sum(each.name == "statement" for each in operations) > 10
    for number, moment in moments(operations):
        clear(results, kept)
        assert killed(action, results, number, moment).killed
        assert tell() == expected


def test_an_index_that_is_killed_at_any_write_of_sqlite_is_brought_up_to_date_by_the_next(
    results: Path, tell: Tell, case: tuple[Callable[[], int], Path | None]
) -> None:
    action, kept = case
    expected = tell()
    clear(results, kept)
    changes = sqlite_changes(action)
    assert sum("write" in name for name in changes) > 10
    for number, moment in sqlite_moments(changes):
        clear(results, kept)
        assert killed_in_sqlite(action, number, moment).killed
        assert tell() == expected


def test_an_index_whose_disk_is_full_at_any_write_of_sqlite_says_so_and_is_made_by_the_next(
    results: Path, tell: Tell, case: tuple[Callable[[], int], Path | None]
) -> None:
    action, kept = case
    expected = tell()
    clear(results, kept)
    codes = set()
    for number in range(len(sqlite_changes(action))):
        clear(results, kept)
        ended = refused_in_sqlite(action, number)
        codes.add(ended.value)
        assert tell() == expected
    # What is refused at the very end, when all is in the log, is done by whoever opens it next.
    assert EXIT_STORE in codes <= {EXIT_OK, EXIT_STORE}


def test_processes_that_race_for_the_index_end_with_what_the_folders_say(
    results: Path, tell: Tell
) -> None:
    expected = tell()
    for _ in range(3):
        clear(results)
        actions = [partial(index, results, *more) for more in ((), ("--rebuild",), (), ())]
        ended = [joined(child) for child in [started(action) for action in actions]]
        assert [each.value for each in ended] == [EXIT_OK] * len(actions)
        assert tell() == expected
