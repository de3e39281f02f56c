"""Result folders that older versions wrote are read, tabled, verified and merged by this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness import store
from harness.cli import main
from harness.model import Measured
from harness.report import tables
from harness.store import SCHEMA
from harness.store.merging import merge

KEPT = Path(__file__).parents[1] / "fixtures" / "result_folders"
FOLDERS = sorted(path.parent for path in KEPT.glob("*/session.json"))


def schemas() -> set[int]:
    """Return every schema number that a kept folder has, of its session and of its runs."""
    found = set()
    for folder in FOLDERS:
        lines = (folder / "runs.jsonl").read_text().splitlines()
        records: list[dict[str, Any]] = [json.loads(line) for line in lines]
        found |= {record["schema"] for record in records}
        found.add(json.loads((folder / "session.json").read_text())["schema"])
    return found


def test_every_schema_that_was_ever_written_has_a_folder_that_is_kept() -> None:
    # Whoever changes the number keeps a folder as the version before wrote it, and one of the new.
    assert schemas() == set(range(1, SCHEMA + 1))


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_an_older_folder_is_read_and_fills_tables(path: Path) -> None:
    folder = store.read(path)
    assert len(folder.runs) == len((path / "runs.jsonl").read_text().splitlines())
    assert any(isinstance(run.outcome, Measured) for run in folder.runs)
    latency = next(t for t in tables.build([folder]) if t.name == "latency")
    assert {row[0] for row in latency.rows} == {cell.model for cell in folder.session.cells}
    assert all(None not in row[:2] for row in latency.rows)


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_an_older_folder_verifies(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(path)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_an_older_folder_is_published(path: Path, tmp_path: Path) -> None:
    # Where it was published is noted in the folder, and a kept one stays as it was written.
    shutil.copytree(path, tmp_path / path.name)
    assert main(["publish", str(tmp_path / path.name), "--out", str(tmp_path / "site")]) == 0


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_an_older_folder_merges_and_keeps_its_lines_as_they_were(
    path: Path, tmp_path: Path
) -> None:
    merge([path], tmp_path / "merged")
    lines = (path / "runs.jsonl").read_bytes().splitlines()
    assert sorted((tmp_path / "merged" / "runs.jsonl").read_bytes().splitlines()) == sorted(lines)
    assert {run.run_id for run in store.read(tmp_path / "merged").runs} == {
        run.run_id for run in store.read(path).runs
    }
