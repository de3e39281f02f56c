"""A run that used what was marked as invalid has no number anywhere, until the mark is withdrawn."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import realistic

from harness import store
from harness.cli import main
from harness.errors import StoreError, SuiteError
from harness.history.refresh import looks_of
from harness.model import Cell, Failed, Measured, ResultFolder
from harness.store.folder import Writer
from harness.store.gate_record import GATE, Drift, GateRecord, Judgement, gate_to_bytes, read_gate
from harness.store.marking import add_mark
from harness.store.marks import (
    MARKED_INVALID,
    MARKS,
    Mark,
    mark_to_line,
    merged_marks,
    read_marks,
    standing_reasons,
)
from harness.store.publications import PUBLICATIONS, note_publication, read_publications
from harness.store.used import Used, parse_used, roles

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

TOOL, OTHER = "aa" * 32, "bb" * 32
READER = "cc" * 32
REASON = "built without optimisation"


def with_tool(results: ResultFolder) -> ResultFolder:
    """Return a folder whose virtual device ran the tool, and its page something else."""
    runs = tuple(
        replace(
            run,
            subject={**run.subject, "tool_sha256": TOOL if run.cell.target == "device" else OTHER},
            reader_sha256=READER,
        )
        for run in results.runs
    )
    return replace(results, runs=runs)


def written(path: Path, results: ResultFolder | None = None) -> Path:
    results = results or with_tool(realistic())
    with store.create(path, results.session, "suite: s\n") as writer:
        for run in results.runs:
            writer.append(run)
    return path


def mark(results: Path, *arguments: str, used: str = f"sha256:{TOOL}") -> int:
    return main(["impact", used, "--results", str(results), *arguments, "--json"])


def tables(text: str) -> dict[str, list[dict[str, Any]]]:
    return {table["name"]: table["rows"] for table in json.loads(text)["tables"]}


def measured(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for run in store.read(folder).runs:
        found[run.cell.target] = found.get(run.cell.target, 0) + isinstance(run.outcome, Measured)
    return found


def test_every_run_that_used_it_is_listed_by_cell_and_by_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "a")
    assert mark(tmp_path) == 0
    rows = tables(capsys.readouterr().out)["impact_runs"]
    assert {row["used_as"] for row in rows} == {"tool"}
    assert len(rows) == 4
    assert all(" on device/" in row["cell"] for row in rows)
    using = [run for run in store.read(tmp_path / "a").runs if run.cell.target == "device"]
    assert sum(row["runs"]["value"] for row in rows) == len(using)
    assert mark(tmp_path, "--runs") == 0
    rows = tables(capsys.readouterr().out)["impact_runs"]
    assert [row["run"] for row in rows] == [run.run_id for run in using]
    assert mark(tmp_path, used=f"sha256:{READER}") == 0
    assert tables(capsys.readouterr().out)["impact_runs"][0]["used_as"] == "reader"


def test_what_nothing_used_is_said_and_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "a")
    assert mark(tmp_path, used="sha256:" + "dd" * 32) == 0
    assert "nothing in 1 result folder used sha256:dddd" in capsys.readouterr().err
    assert mark(tmp_path, "--mark-invalid", "x", used="sha256:" + "dd" * 32) == 1
    assert not (tmp_path / "a" / MARKS).exists()


def test_digits_as_tables_show_them_are_enough_unless_two_things_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "a")
    assert mark(tmp_path, "--mark-invalid", REASON, used=f"sha256:{TOOL[:8]}") == 0
    (found,) = read_marks(tmp_path / "a")
    assert found.used == Used("sha256", TOOL)
    results = with_tool(realistic())
    other = replace(results.runs[0], subject={"tool_sha256": TOOL[:60] + "0123"})
    written(tmp_path / "b", replace(results, runs=(other,)))
    assert mark(tmp_path, used=f"sha256:{TOOL[:8]}") == 2
    assert "is not one thing" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "aa" * 32, "sha256:", "sha256:aabb", "md5:" + "a" * 32])
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(SuiteError, match="names nothing"):
        parse_used(text)


def test_marked_runs_are_rows_with_the_reason_in_every_reader_and_runs_jsonl_is_untouched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "a")
    before = (folder / "runs.jsonl").read_bytes()
    assert mark(tmp_path, "--mark-invalid", REASON) == 0
    assert (folder / "runs.jsonl").read_bytes() == before
    assert measured(folder)["device"] == 0
    assert measured(folder)["chromium"] > 0
    capsys.readouterr()

    assert main(["table", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tables"]
    verdicts = [
        row["verdict"]
        for table in found
        if table["name"] == "latency"
        for row in table["rows"]
        if row["target"] == "device"
    ]
    assert verdicts == [f"invalid: {REASON}"] * 4
    gaps = [r for t in found if t["name"] == "coverage" for r in t["rows"]]
    assert (f"invalid: {REASON}", "invalid") in {(row["reason"], row["outcome"]) for row in gaps}

    site = ["--out", str(tmp_path / "site"), "--include-virtual"]
    assert main(["publish", str(folder), *site]) == 0
    pages = "".join(p.read_text() for p in (tmp_path / "site").rglob("*.html"))
    assert f"invalid: {REASON}" in pages
    capsys.readouterr()
    assert main(["export", str(folder), "--format", "junit", "--include-virtual"]) == 0
    assert capsys.readouterr().out.count(f'message="invalid: {REASON}"') == 4
    assert main(["export", str(folder), "--format", "bencher", "--include-virtual"]) == 0
    said = capsys.readouterr()
    assert "device" not in said.out
    assert "4 cells with runs that were marked invalid" in said.err


def test_a_comparison_says_why_a_side_has_no_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [f"{written(tmp_path / 'a')}@target=device", f"{written(tmp_path / 'b')}@target=device"]
    add_mark(tmp_path / "b", Used("sha256", TOOL), "invalid", REASON)
    assert main(["compare", *sides, "--json"]) == 0
    rows = tables(capsys.readouterr().out)["comparison"]
    cells = [row for row in rows if row["variant"]]
    assert {row["verdict.1"] for row in cells} == {f"invalid: {REASON}"}
    assert {row["time.1"] for row in cells} == {"invalid"}
    assert {row["speedup.1"] for row in cells} == {None}


def test_a_history_keeps_the_session_as_a_row_without_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = with_tool(realistic())
    later = replace(results.session, started_utc="2026-11-24T02:00:00+00:00")
    folder, _ = written(tmp_path / "a"), written(tmp_path / "b", replace(results, session=later))
    cell = ["history", "model=mobilenet_v2,target=device,variant=cpu-1", "--results", str(tmp_path)]
    add_mark(folder, Used("sha256", TOOL), "invalid", REASON)
    assert main([*cell, "--json"]) == 0
    rows = [row for table in json.loads(capsys.readouterr().out)["tables"] for row in table["rows"]]
    told = {row["folder"]: row["median"] for row in rows}
    assert told["a"] == f"invalid: {REASON}"
    assert told["b"]["value"] > 0


def test_marks_of_merged_folders_are_kept_in_the_order_of_their_time(tmp_path: Path) -> None:
    used, lines = Used("sha256", TOOL), []
    for second, standing in enumerate(("invalid", "withdrawn", "invalid")):
        mark = Mark(used, standing, REASON, f"2026-11-25T00:00:0{second}.000000+00:00")  # type: ignore[arg-type]
        lines.append(mark_to_line(mark).rstrip())
    whole = b"".join(line + b"\n" for line in lines)
    assert merged_marks([lines[2], lines[0], lines[1], lines[0]]) == whole


def test_a_failure_stays_what_it_was(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    add_mark(folder, Used("sha256", OTHER), "invalid", REASON)
    kinds = {
        run.outcome.failure.kind
        for run in store.read(folder).runs
        if isinstance(run.outcome, Failed)
    }
    assert {MARKED_INVALID, "variant-mismatch", "timed-out"} <= kinds


def test_marking_again_changes_nothing_and_only_another_mark_takes_it_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "a")
    was = store.read(folder)
    assert mark(tmp_path, "--mark-invalid", REASON) == 0
    first = (folder / MARKS).read_bytes()
    assert mark(tmp_path, "--mark-invalid", f" {REASON}\n") == 0
    assert "1 folder said so already" in capsys.readouterr().err
    assert (folder / MARKS).read_bytes() == first
    assert mark(tmp_path, "--withdraw", "it was another build") == 0
    assert (folder / MARKS).read_bytes().startswith(first)
    assert store.read(folder) == was
    assert mark(tmp_path, "--withdraw", "again") == 0
    assert len(read_marks(folder)) == 2
    assert mark(tmp_path, "--mark-invalid", "after all") == 0
    assert measured(folder)["device"] == 0


def test_a_run_that_is_added_after_the_mark_is_invalid_too(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    add_mark(folder, Used("sha256", TOOL), "invalid", REASON)
    writer, whole = store.resume(folder)
    assert all(
        not isinstance(run.outcome, Failed) or run.outcome.failure.kind != MARKED_INVALID
        for run in whole.runs
    )
    late = next(run for run in whole.runs if run.cell.target == "device")
    with writer:
        writer.append(replace(late, block=99))
    last = store.read(folder).runs[-1]
    assert isinstance(last.outcome, Failed)
    assert last.outcome.failure.kind == MARKED_INVALID


def test_a_commit_is_the_reader_of_what_its_own_build_read(tmp_path: Path) -> None:
    results = realistic()
    commit = parse_used("commit:" + str(results.session.harness["commit"])[:10])
    session = replace(results.session, harness={**results.session.harness, "sha256": READER})
    run = results.runs[0]
    assert roles(commit, session, run) == ("reader",)
    assert roles(commit, session, replace(run, reader_sha256=READER)) == ("reader",)
    # Another build went on with the session.
    assert roles(commit, session, replace(run, reader_sha256=OTHER)) == ()
    assert roles(Used("sha256", READER), session, run) == ("reader",)
    assert roles(Used("sha256", READER), session, replace(run, reader_sha256=OTHER)) == ()


def test_a_folder_that_is_written_to_is_not_marked_and_the_others_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "a")
    written(tmp_path / "b")
    with Writer(tmp_path / "a"):
        assert mark(tmp_path, "--mark-invalid", REASON) == 4
    assert "another process is writing" in capsys.readouterr().err
    assert not read_marks(tmp_path / "a")
    assert read_marks(tmp_path / "b")


def test_a_mark_without_a_reason_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "a")
    assert mark(tmp_path, "--mark-invalid", " ") == 2
    assert not (tmp_path / "a" / MARKS).exists()


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_a_mark_cut_anywhere_is_whole_or_none_and_the_next_one_is_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    results = realistic(1)
    few = replace(results, runs=results.runs[:2])
    folder = written(tmp_path_factory.mktemp("cut") / "r", few)
    for used in (TOOL, OTHER):
        add_mark(folder, Used("sha256", used), "invalid", REASON)
    whole = (folder / MARKS).read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    os.truncate(folder / MARKS, cut)
    assert len(read_marks(folder)) == whole[:cut].count(b"\n")
    add_mark(folder, Used("sha256", READER), "invalid", REASON)
    assert len(read_marks(folder)) == whole[:cut].count(b"\n") + 1


@pytest.mark.parametrize("line", [b"[]", b"{}", b"\xff", b'{"schema": 9, "standing": "x"}'])
def test_a_damaged_or_newer_mark_stops_every_reader(tmp_path: Path, line: bytes) -> None:
    folder = written(tmp_path / "a")
    (folder / MARKS).write_bytes(line + b"\n")
    with pytest.raises(StoreError, match="mark"):
        store.read(folder)


def test_a_verdict_that_rests_on_marked_runs_is_none_and_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = with_tool(realistic())
    folder = written(tmp_path / "a", results)
    device, page = (
        Cell("mobilenet_v2", "fp32", *place)
        for place in (("device", "cpu-1"), ("chromium", "simd"))
    )
    record = GateRecord(
        suite="quickstart",
        decided_utc="2026-11-25T03:00:00+00:00",
        candidate="1" * 64,
        last_good="2" * 64,
        green=True,
        moved=True,
        judgements=tuple(
            Judgement(cell, "latency", "unchanged", "s", 0.02, 0.02, 0.0) for cell in (device, page)
        ),
        drift=(Drift(device, 0.01, None, None), Drift(page, 0.01, None, None)),
    )
    (folder / GATE).write_bytes(gate_to_bytes(record))
    assert read_gate(folder) == record
    assert mark(tmp_path, "--mark-invalid", REASON) == 0
    (verdict,) = tables(capsys.readouterr().out)["impact_verdicts"]
    assert (verdict["verdict"], verdict["standing"]) == ("unchanged", f"invalid: {REASON}")
    after = read_gate(folder)
    assert after is not None
    assert not after.green
    assert after.judgements == (
        Judgement(device, "latency", "not judged", "s", why=f"invalid: {REASON}"),
        record.judgements[1],
    )
    assert after.drift == (record.drift[1],)
    # A run of the last good build stands for the suite's own cell; so do those of fresh blocks.
    twin = replace(results.runs[0], cell=replace(page, target="chromium (last good)"))
    fresh = replace(twin, subject={"tool_sha256": TOOL})
    written(folder / "confirmation", replace(results, runs=(fresh,)))
    (folder / GATE).write_bytes(gate_to_bytes(replace(record, confirmation="confirmation")))
    add_mark(folder / "confirmation", Used("sha256", TOOL), "invalid", REASON)
    after = read_gate(folder)
    assert after is not None
    assert {each.verdict for each in after.judgements} == {"not judged"}
    capsys.readouterr()
    # A build that the gate names is every verdict's.
    assert mark(tmp_path, used="sha256:" + "2" * 64) == 0
    assert len(tables(capsys.readouterr().out)["impact_verdicts"]) == 2


def test_published_tables_are_found_and_stale_once_a_mark_is_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "results" / "a")
    (tmp_path / "T.md").write_text("<!-- edgebench:mine:begin -->\n<!-- edgebench:mine:end -->\n")
    publish = ["publish", "results"]
    into = [*publish, "--into", "T.md", "--marker", "mine", "--include-virtual"]
    for command in ([*publish, "--out", "site"], into, into):
        assert main(command) == 0
    assert len((tmp_path / "results/a/publications.jsonl").read_text().splitlines()) == 2
    assert mark(Path("results")) == 0
    rows = tables(capsys.readouterr().out.partition("\n")[2])["impact_published"]
    assert {row["standing"] for row in rows} == {"as the folder is"}
    assert mark(Path("results"), "--mark-invalid", REASON) == 0
    said = capsys.readouterr()
    rows = tables(said.out)["impact_published"]
    assert {row["standing"] for row in rows} == {"stale: the folder says something else now"}
    again = "edgebench publish results --into T.md --include-virtual --marker mine"
    assert {row["command"] for row in rows} == {"edgebench publish results --out site", again}
    assert again in said.err
    assert main(again.split()[1:]) == 0
    assert mark(Path("results")) == 0
    rows = tables(capsys.readouterr().out)["impact_published"]
    assert [row["place"] for row in rows if row["standing"] == "as the folder is"] == ["T.md"]
    (tmp_path / "T.md").unlink()
    assert mark(Path("results")) == 0
    rows = tables(capsys.readouterr().out)["impact_published"]
    assert [row["place"] for row in rows if row["standing"] == "gone"] == ["T.md"]


def test_publishing_changes_nothing_that_a_history_is_made_of(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    before = looks_of(folder)
    note_publication(folder, "--out", tmp_path / "site", [tmp_path])
    assert (folder / PUBLICATIONS).is_file()
    assert looks_of(folder) == before
    add_mark(folder, Used("sha256", TOOL), "invalid", REASON)
    assert looks_of(folder) != before


def test_publishing_from_a_folder_that_cannot_be_written_says_that_it_is_not_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "a")
    (folder / "publications.jsonl").mkdir()
    assert main(["publish", str(folder), "--out", str(tmp_path / "site")]) == 0
    assert "published, and not noted in 1 of 1 folders" in capsys.readouterr().err


def test_a_note_of_a_publication_that_is_damaged_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    note_publication(folder, "--out", tmp_path / "site", [tmp_path])
    (folder / "publications.jsonl").write_bytes(b"{}\n")
    with pytest.raises(StoreError, match="not notes of publications"):
        read_publications(folder)


def test_the_reasons_that_stand_are_the_last_ones(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    used = Used("sha256", TOOL)
    for reason in ("first", "second"):
        assert add_mark(folder, used, "invalid", reason)
    assert standing_reasons(read_marks(folder)) == {used: "second"}


def test_verify_says_what_is_marked_and_still_checks_what_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "a")
    add_mark(folder, Used("sha256", TOOL), "invalid", REASON)
    main(["verify", str(folder), "--json"])
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert f"marked invalid, 28 runs: {REASON}." in table["notes"]
