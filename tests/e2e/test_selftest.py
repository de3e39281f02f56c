"""`edgebench selftest` on this machine, whatever it is fit for."""

from __future__ import annotations

import json

import pytest
from conftest import Commander

pytestmark = [pytest.mark.adb, pytest.mark.litert]

SMALL = ("--on", "virtual", "--variants", "2", "--blocks", "6", "--rounds", "1")


def test_a_selftest_says_how_long_it_takes_and_leaves_a_folder_that_tells_the_same(
    edgebench: Commander,
) -> None:
    run = edgebench("selftest", *SMALL, "--out", "r", "--json")
    assert run.returncode in {0, 1}, run.stderr
    assert "about" in run.stderr.splitlines()[0]
    (table,) = json.loads(run.stdout)["tables"]
    fit = table["rows"][-1]["verdict"]
    assert (fit == "fit") == (run.returncode == 0)
    again = edgebench("selftest", "--of", "r", "--blocks", "6", "--json")
    assert (again.returncode, again.stdout) == (run.returncode, run.stdout)
    assert edgebench("table", "r").returncode == 0


def test_a_time_that_is_too_short_for_one_round_is_refused(edgebench: Commander) -> None:
    refused = edgebench("selftest", "--minutes", "1", "--out", "r")
    assert refused.returncode == 2
    assert "more than --minutes" in refused.stderr
    assert not (edgebench.folder / "r").exists()


def test_a_browser_that_is_not_there_could_not_run(edgebench: Commander) -> None:
    gone = edgebench.within(PATH="/nonexistent", PLAYWRIGHT_BROWSERS_PATH="/nonexistent")
    run = gone("selftest", "--on", "/nonexistent/browser", "--out", "r", "--quiet")
    assert run.returncode in {2, 3}, run.stderr
