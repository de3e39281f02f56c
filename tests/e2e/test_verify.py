"""A folder that was changed after it was measured is found out, whatever was changed in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander


@pytest.fixture
def measured(stranger: Commander) -> Commander:
    """A folder `r` with measured runs and a refused one."""
    stranger("run", "suite.yaml", "--out", "r", "--blocks", "1", "--progress", "quiet")
    assert (stranger.folder / "r" / "runs.jsonl").is_file()
    return stranger


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def change_line(folder: Path, which: str, change: Callable[[dict[str, Any]], None]) -> None:
    records = lines(folder)
    change(next(record for record in records if record["outcome"] == which))
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "runs.jsonl").write_text(text)


def verified(edgebench: Commander) -> tuple[int, dict[str, Any], str]:
    run = edgebench("verify", "r", "--json")
    (table,) = json.loads(run.stdout)["tables"]
    return run.returncode, {row["check"]: row for row in table["rows"]}, " ".join(table["notes"])


def test_an_untouched_folder_holds(measured: Commander) -> None:
    code, rows, _ = verified(measured)
    assert code == 0
    tried = [record for record in lines(measured.folder / "r") if record["raw"]]
    assert rows["reading"]["holds"]["value"] == len(tried) > 1
    assert rows["hash"]["holds"]["value"] == len(tried) + 1
    assert {row["differs"]["value"] for row in rows.values()} == {0}
    assert rows["table"]["holds"]["value"] >= 2
    assert rows["table"]["not_checked"]["value"] == 0


def test_a_number_that_was_improved_is_found(measured: Commander) -> None:
    def faster(record: dict[str, Any]) -> None:
        record["measurements"][0]["value"] /= 2

    change_line(measured.folder / "r", "measured", faster)
    code, _, notes = verified(measured)
    assert code == 1
    assert "its files give other numbers" in notes


def test_a_failure_that_became_a_number_is_found(measured: Commander) -> None:
    records = lines(measured.folder / "r")
    good = next(record for record in records if record["outcome"] == "measured")

    def forged(record: dict[str, Any]) -> None:
        record |= {"outcome": "measured", "measurements": good["measurements"], "error": None}

    change_line(measured.folder / "r", "failed", forged)
    code, _, notes = verified(measured)
    assert code == 1
    assert "do not prove what was asked" in notes or "say that it failed" in notes


def test_a_raw_file_that_was_changed_or_is_gone_is_found(measured: Commander) -> None:
    folder = measured.folder / "r"
    first, second = [folder / record["raw"] for record in lines(folder) if record["raw"]][:2]
    victim = next(iter(sorted(first.iterdir())))
    victim.write_bytes(victim.read_bytes() + b"\n")
    for file in second.iterdir():
        file.unlink()
    second.rmdir()
    code, rows, notes = verified(measured)
    assert code == 1
    assert rows["hash"]["differs"]["value"] == 2
    assert "not those that were measured" in notes
    assert "cannot be read" in notes


def test_a_suite_that_was_edited_afterwards_is_found(measured: Commander) -> None:
    suite = measured.folder / "r" / "suite.yaml"
    suite.write_text(suite.read_text() + "# nothing to see here\n")
    code, _, notes = verified(measured)
    assert code == 1
    assert "suite.yaml is not the suite that was run" in notes


def test_a_run_that_names_files_outside_its_folder_is_not_followed(measured: Commander) -> None:
    change_line(measured.folder / "r", "measured", lambda r: r.update(raw="../../../etc"))
    code, _, notes = verified(measured)
    assert code == 1
    assert "outside its folder" in notes


def test_a_fact_that_was_changed_shows_in_the_table_that_says_it(measured: Commander) -> None:
    change_line(measured.folder / "r", "measured", lambda r: r["setting"].update(threads=7))
    code, rows, notes = verified(measured)
    assert code == 1
    assert rows["reading"]["differs"]["value"] == 0
    assert "its raw files give another table: Threads" in notes


def test_what_another_edgebench_told_otherwise_is_no_difference_of_the_files(
    measured: Commander,
) -> None:
    def by_another(record: dict[str, Any]) -> None:
        record["reader_sha256"] = "0" * 64
        record["setting"]["threads"] = 7

    change_line(measured.folder / "r", "measured", by_another)
    code, rows, notes = verified(measured)
    assert code == 0
    assert rows["table"]["not_checked"]["value"] == 1
    assert "`edgebench reread` reads it anew" in notes
