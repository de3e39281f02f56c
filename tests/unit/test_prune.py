"""Pruning removes raw files of old sessions, says so, and never half of a run or a young session."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_store import a_run, a_session

from harness import store
from harness.cli import main
from harness.store.folder import Writer
from harness.store.pruned import PRUNED, read_pruned
from harness.store.raw import digest_of

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

FILES = {"said.txt": b"10", "page.json": b"{}"}


def ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")


def folder(path: Path, *ages: int) -> Path:
    """Return a folder with a run of each age in days."""
    with store.create(path, replace(a_session(), started_utc=ago(max(ages))), "s") as writer:
        for block, days in enumerate(ages, start=1):
            run = replace(a_run(block), started_utc=ago(days), raw_sha256=digest_of(FILES))
            writer.append(replace(run, raw=writer.keep_raw(run.run_id, FILES)))
    return path


def prune(results: Path, *arguments: str) -> int:
    return main(["prune", "--raw-older-than", "90d", "--results", str(results), *arguments])


def verified(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["verify", str(path), "--json"])
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    return code, table


def test_old_raw_files_go_and_every_line_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, young = folder(tmp_path / "old", 100, 95), folder(tmp_path / "young", 100, 3)
    lines = (old / "runs.jsonl").read_bytes()
    assert prune(tmp_path, "--dry-run", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    assert (row["folder"], row["runs"]["value"], row["age"]["value"]) == (str(old), 2, 95)
    assert len(list((old / "raw").iterdir())) == 2

    assert prune(tmp_path) == 0
    assert "1 folder younger" in capsys.readouterr().err
    assert list((old / "raw").iterdir()) == []
    assert len(list((young / "raw").iterdir())) == 2
    assert (old / "runs.jsonl").read_bytes() == lines
    assert len(store.read(old).runs) == 2

    _, table = verified(old, capsys)
    assert f"its raw files were pruned on {datetime.now(UTC):%Y-%m-%d}" in " ".join(table["notes"])
    assert {row["check"]: row["differs"]["value"] for row in table["rows"]}["reading"] == 0
    assert prune(tmp_path) == 0
    assert "Nothing is so old" in capsys.readouterr().out


def test_a_run_that_lost_its_files_after_the_pruning_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path / "r", 100)
    assert prune(tmp_path) == 0
    writer, _ = store.resume(path)
    with writer:
        late = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
        writer.append(replace(a_run(2), started_utc=late, raw="raw/l002"))
    code, table = verified(path, capsys)
    assert code == 1
    assert "the files of l002 cannot be read" in " ".join(table["notes"])


def test_a_session_that_is_written_to_is_refused_and_the_others_are_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy, old = folder(tmp_path / "busy", 100), folder(tmp_path / "old", 100)
    with Writer(busy):
        assert prune(tmp_path) == 4
    assert "another process is writing" in capsys.readouterr().err
    assert len(list((busy / "raw").iterdir())) == 1
    assert read_pruned(busy) is None
    assert list((old / "raw").iterdir()) == []


@pytest.mark.parametrize("step", ["rename", "rmtree"])
@pytest.mark.parametrize("number", [0, 1])
def test_killed_at_any_step_it_leaves_whole_runs_and_goes_on_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    path = folder(tmp_path / "r", 100, 99)
    steps: dict[str, Any] = {"rename": Path.rename, "rmtree": shutil.rmtree}
    left = [number]

    def killed(*arguments: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return steps[step](*arguments)

    with monkeypatch.context() as patched:
        where: Any = Path if step == "rename" else shutil
        patched.setattr(where, step, killed)
        # The command line turns it into exit code 130.
        assert prune(tmp_path) == 130
    assert (path / PRUNED).exists()
    for run in store.read(path).runs:
        there = path / run.raw
        assert not there.exists() or {p.name for p in there.iterdir()} == set(FILES)
    assert prune(tmp_path) == 0
    assert list((path / "raw").iterdir()) == []


@pytest.mark.parametrize("age", ["90", "0d", "d", "-1d", "1.5d", "90h"])
def test_an_age_is_days_or_weeks(age: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["prune", "--raw-older-than", age, "--results", str(tmp_path)])
    assert caught.value.code == 2


def test_a_pruned_folder_is_still_published_and_its_pages_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path / "results" / "r", 100)
    assert prune(tmp_path / "results") == 0
    site = tmp_path / "site"
    assert main(["publish", str(tmp_path / "results"), "--out", str(site)]) == 0
    pages = "".join(page.read_text() for page in site.rglob("*.html"))
    assert f"Its files were pruned on {datetime.now(UTC):%Y-%m-%d}" in pages
