"""Merging folders is a union: free of order, idempotent to the byte, and it refuses what differs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import merge_folders as made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import store
from harness.cli import main
from harness.errors import CompareError, StoreError
from harness.model import Failed, Lineage, ResultFolder
from harness.report import tables
from harness.store import durable
from harness.store.marking import add_mark
from harness.store.merged_session import in_one_order
from harness.store.merging import merge
from harness.store.pruned import prune
from harness.store.records import session_to_bytes
from harness.store.used import parse_used

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, no_waiting_for_the_disk: None) -> list[Path]:
    """Folders of three shards: whole, in the middle, before the first run, and without raw files."""
    place = tmp_path_factory.mktemp("parts")
    found = []
    for bench in made.BENCHES:
        session = made.a_session(bench)
        runs = made.runs_of(session)
        name = bench.replace(":", "-")
        tensors = {name.encode().hex(): b"{}\n"}
        for count in (0, 1, 3, len(runs)):
            path = place / f"{name}-{count}"
            found.append(made.write(path, session, runs[:count], tensors))
        shutil.copytree(found[-1], place / f"{name}-pruned")
        shutil.rmtree(place / f"{name}-pruned" / "raw" / runs[0].run_id)
        found.append(place / f"{name}-pruned")
    return found


def merged(place: Path, name: str, folders: Sequence[Path]) -> dict[str, bytes]:
    shutil.rmtree(place / name, ignore_errors=True)
    merge(folders, place / name)
    return made.contents(place / name)


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_any_order_any_grouping_and_any_repetition_give_the_same_bytes(
    parts: list[Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("laws")
    chosen = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=6))
    whole = merged(place, "whole", chosen)
    assert merged(place, "other-order", data.draw(st.permutations(chosen))) == whole
    cut = data.draw(st.integers(0, len(chosen)))
    left, right = chosen[:cut] or chosen, chosen[cut:] or chosen
    merged(place, "left", left)
    merged(place, "right", right)
    assert merged(place, "of-merged", [place / "right", place / "left"]) == whole
    again = [place / "whole", data.draw(st.sampled_from(chosen))]
    assert merged(place, "again", again) == whole
    merge(right, place / "left")
    assert made.contents(place / "left") == whole


@given(st.data())
@settings(deadline=None, max_examples=15)
def test_a_merged_folder_holds_every_run_of_its_inputs_and_no_other(
    parts: list[Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("union")
    chosen = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=6))
    merged(place, "m", chosen)
    lines = {line for each in chosen for line in (each / "runs.jsonl").read_bytes().splitlines()}
    found = (place / "m" / "runs.jsonl").read_bytes().splitlines()
    assert sorted(found) == sorted(lines)
    raw = {path.name for each in chosen for path in (each / "raw").iterdir()}
    assert {path.name for path in (place / "m" / "raw").iterdir()} == raw
    tensors = {path.name for each in chosen for path in (each / "memory").iterdir()}
    assert {path.name for path in (place / "m" / "memory").iterdir()} == tensors


@given(st.lists(st.lists(st.integers(0, 8), unique=True, max_size=5), max_size=5), st.randoms())
def test_one_order_keeps_that_of_every_chain_and_does_not_depend_on_theirs(
    chains: list[list[int]], dice: Any
) -> None:
    order = in_one_order(chains)
    assert sorted(order) == sorted({item for chain in chains for item in chain})
    shuffled = [*chains]
    dice.shuffle(shuffled)
    assert in_one_order(shuffled) == order
    total = [[item for item in range(9) if item in chain] for chain in chains]
    together = in_one_order(total)
    assert all([item for item in together if item in chain] == chain for chain in total)


def whole_night(place: Path) -> Path:
    folders = []
    for bench in made.BENCHES:
        session = made.a_session(bench)
        name = bench.replace(":", "-")
        folders.append(made.write(place / name, session, made.runs_of(session)))
    merge(folders, place / "merged")
    return place / "merged"


def test_a_merged_folder_has_one_table_with_every_shards_machine(tmp_path: Path) -> None:
    folder = store.read(whole_night(tmp_path))
    assert [target.name for target in folder.session.targets] == [
        made.target_on(bench).name for bench in made.BENCHES
    ]
    assert {each.benches for each in folder.session.merged} == {(b,) for b in made.BENCHES}
    hosts = {each.session.host["os"] for each in folder.session.merged}
    assert hosts == {f"system of {bench}" for bench in made.BENCHES}
    assert folder.session.host == {"os": None, "cores": 2}
    latency = tables.build([folder])[0]
    assert len(latency.rows) == len(made.BENCHES) * len(made.VARIANTS)
    notes = " ".join(latency.notes)
    assert "3 merged sessions" in notes
    assert "This host: 2 cores, system of host" in notes
    assert all(f"label machine-{bench.replace(':', '')}" in notes for bench in made.BENCHES)


def test_a_merged_folder_verifies_and_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = whole_night(tmp_path)
    # The scripted driver is no plug-in: its readings cannot be checked, its hashes are.
    assert main(["verify", str(night), "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert '"holds"' in json.dumps(checked)
    assert main(["publish", str(night), "--out", str(tmp_path / "site")]) == 0
    (night / "suite.yaml").write_text("suite: changed\n")
    assert main(["verify", str(night)]) == 1


def test_the_command_says_what_it_merged_and_which_shard_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_night(tmp_path)
    folders = [str(tmp_path / "host"), str(tmp_path / "phone-a1")]
    assert main(["merge", *folders, "--out", str(tmp_path / "two")]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'two'}\n"
    assert "2 sessions, 8 runs" in said.err
    assert "shard 3/3 is missing: phone:b2" in said.err
    assert "sees their runs twice" in said.err
    apart = tmp_path / "apart" / "two"
    assert main(["merge", *folders, str(apart.parent / "two"), "--out", str(apart)]) == 4
    assert main(["merge", *folders, "--out", str(apart)]) == 0
    assert main(["merge", str(apart), "--out", str(apart)]) == 0
    assert "twice" not in capsys.readouterr().err


def test_the_same_run_with_other_contents_is_refused_by_its_name(tmp_path: Path) -> None:
    session = made.a_session("host")
    runs = made.runs_of(session)
    one = made.write(tmp_path / "one", session, runs)
    other = made.write(tmp_path / "other", session, [replace(runs[0], duration_s=9.0), *runs[1:]])
    with pytest.raises(StoreError, match=runs[0].run_id) as caught:
        merge([one, other], tmp_path / "out")
    assert caught.value.exit_code == 4
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_raw_files_that_differ_are_refused_by_the_name_of_their_run(tmp_path: Path) -> None:
    session = made.a_session("host")
    runs = made.runs_of(session)
    one = made.write(tmp_path / "one", session, runs)
    shutil.copytree(one, tmp_path / "other")
    (tmp_path / "other" / "raw" / runs[2].run_id / "value").write_text("changed")
    with pytest.raises(StoreError, match=f"raw files of {runs[2].run_id}"):
        merge([tmp_path / "other", one], tmp_path / "out")


def test_two_machines_that_both_measured_on_their_host_are_never_taken_for_one(
    tmp_path: Path,
) -> None:
    one = made.a_session("host", label="a")
    name = one.targets[0].name
    other = replace(one, label="b", targets=(replace(one.targets[0], name="z"),))
    other = replace(other, cells=tuple(replace(cell, target="z") for cell in one.cells))
    folders = [
        made.write(tmp_path / "a", one, made.runs_of(one)),
        made.write(tmp_path / "b", other, made.runs_of(other)),
    ]
    assert name != "z"
    with pytest.raises(CompareError, match="same bench, host") as caught:
        merge(folders, tmp_path / "out")
    assert caught.value.exit_code == 5
    assert "side by side" in caught.value.hint


def test_a_cell_that_two_sessions_measured_on_different_phones_is_refused(tmp_path: Path) -> None:
    one = made.a_session("phone:a1")
    runs = made.runs_of(one)
    moved = [replace(run, bench="phone:b2", run_id=f"{run.run_id}x") for run in runs]
    other = replace(one, label="other")
    folders = [made.write(tmp_path / "a", one, runs), made.write(tmp_path / "b", other, moved)]
    with pytest.raises(CompareError, match="same cell"):
        merge(folders, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"suite_sha256": "1" * 64}, "suite_sha256"),
        ({"seed": 2}, "seed"),
        ({"blocks": 3}, "blocks"),
        ({"models": {"net/fp32": {"tflite_sha256": "other"}}}, "model net/fp32"),
    ],
)
def test_sessions_of_different_plans_are_refused_with_what_differs(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    one, other = made.a_session("host"), made.a_session("phone:a1", **changes)
    folders = [made.write(tmp_path / s.label, s, made.runs_of(s)) for s in (one, other)]
    with pytest.raises(CompareError, match=named):
        merge(folders, tmp_path / "out")


def test_a_target_on_another_phone_is_refused_with_both(tmp_path: Path) -> None:
    one = made.a_session("phone:a1")
    other = replace(one, label="b", targets=(replace(one.targets[0], bench="phone:b2"),))
    folders = [made.write(tmp_path / "a", one, []), made.write(tmp_path / "b", other, [])]
    with pytest.raises(CompareError, match=r"bench \(phone:a1, phone:b2\)"):
        merge(folders, tmp_path / "out")


@pytest.mark.parametrize("holds", ["a session", "a file"])
def test_a_folder_that_is_not_a_merged_one_is_never_written_to(tmp_path: Path, holds: str) -> None:
    session = made.a_session("host")
    one = made.write(tmp_path / "one", session, made.runs_of(session))
    out = tmp_path / "out"
    if holds == "a session":
        made.write(out, session, [])
    else:
        out.mkdir()
        (out / "mine.txt").write_text("precious")
    before = made.contents(out)
    with pytest.raises(StoreError, match="no merged folder"):
        merge([one], out)
    assert made.contents(out) == before


def test_a_merged_folder_is_not_resumed(tmp_path: Path) -> None:
    night = whole_night(tmp_path)
    with pytest.raises(StoreError, match="several sessions"):
        store.resume(night)


def test_raw_files_outside_their_folder_are_not_followed(tmp_path: Path) -> None:
    session = made.a_session("host")
    one = made.write(tmp_path / "one", session, made.runs_of(session))
    lines = (one / "runs.jsonl").read_bytes().replace(b'"raw":"raw/', b'"raw":"raw/../../')
    (one / "runs.jsonl").write_bytes(lines)
    with pytest.raises(StoreError, match="keeps its files at"):
        merge([one], tmp_path / "out")


def test_a_merge_into_a_folder_that_is_being_merged_to_is_refused(tmp_path: Path) -> None:
    night = whole_night(tmp_path)
    lock = durable.open_locked(night / "runs.jsonl")
    try:
        with pytest.raises(StoreError, match="another process is writing"):
            merge([tmp_path / "host"], night)
    finally:
        os.close(lock)


def test_what_is_being_written_is_not_found_as_a_result_folder(tmp_path: Path) -> None:
    session = made.a_session("host")
    made.write(tmp_path / "results" / "one", session, [])
    made.write(tmp_path / "results" / ".two.123.partial", session, [])
    assert store.find_folders([tmp_path]) == (tmp_path / "results" / "one",)


def test_marks_of_every_folder_hold_in_the_merged_one_in_any_order(tmp_path: Path) -> None:
    folders = []
    for bench in made.BENCHES[:2]:
        session = made.a_session(bench)
        name = bench.replace(":", "-")
        runs = [replace(run, subject={"model_sha256": "1" * 64}) for run in made.runs_of(session)]
        folders.append(made.write(tmp_path / name, session, runs))
    model, suite = parse_used(f"sha256:{'1' * 64}"), parse_used(f"sha256:{'2' * 64}")
    assert add_mark(folders[1], model, "invalid", "a wrong file")
    assert add_mark(folders[0], suite, "invalid", "another thing")
    whole = merged(tmp_path, "one", folders)
    assert merged(tmp_path, "other", folders[::-1]) == whole
    assert merged(tmp_path, "again", [folders[0], tmp_path / "one"]) == whole
    assert len(whole["marks.jsonl"].splitlines()) == 2
    outcomes = [run.outcome for run in store.read(tmp_path / "one").runs]
    assert all(isinstance(o, Failed) and o.failure.message == "a wrong file" for o in outcomes)


def test_what_was_pruned_stays_told_until_its_raw_files_come_from_elsewhere(tmp_path: Path) -> None:
    session = made.a_session("host")
    one = made.write(tmp_path / "one", session, made.runs_of(session))
    shutil.copytree(one, tmp_path / "copy")
    prune(one, datetime(2030, 1, 1, tzinfo=UTC))
    assert merge([one], tmp_path / "pruned").without_raw == len(made.runs_of(session))
    assert main(["verify", str(tmp_path / "pruned")]) == 0
    assert merge([one, tmp_path / "copy"], tmp_path / "whole").without_raw == 0
    assert merged(tmp_path, "both", [tmp_path / "copy", tmp_path / "pruned"]) == made.contents(
        tmp_path / "whole"
    )


def test_the_page_of_a_merged_folder_tells_of_every_machine(tmp_path: Path) -> None:
    assert main(["publish", str(whole_night(tmp_path)), "--out", str(tmp_path / "site")]) == 0
    pages = "".join(page.read_text() for page in (tmp_path / "site").rglob("*.html"))
    assert all(f"system of {bench}" in pages for bench in made.BENCHES)


def test_what_a_merged_folder_was_made_from_stays_known_when_it_is_merged_again(
    tmp_path: Path,
) -> None:
    night = whole_night(tmp_path)
    session = store.read_session(night)
    made_from = replace(session, lineage=Lineage("re-read", "results/night", "0" * 64, "newer"))
    (night / "session.json").write_bytes(session_to_bytes(made_from))
    whole = merged(tmp_path, "again", [night])
    assert merged(tmp_path, "and-again", [tmp_path / "again", night]) == whole
    assert store.read_session(tmp_path / "again").lineage == made_from.lineage


def test_a_run_that_no_session_of_a_merged_folder_made_is_refused(tmp_path: Path) -> None:
    night = whole_night(tmp_path)
    lines = (night / "runs.jsonl").read_bytes().replace(b'"bench":"host"', b'"bench":"other"')
    (night / "runs.jsonl").write_bytes(lines)
    with pytest.raises(StoreError, match="on other is of no session"):
        merge([night], tmp_path / "out")


def test_merged_shards_fill_the_tables_that_one_session_of_the_whole_plan_fills(
    tmp_path: Path,
) -> None:
    session = made.a_session(*made.BENCHES)
    runs = made.runs_of(session)
    whole = store.read(made.write(tmp_path / "whole", session, runs))
    for bench in made.BENCHES:
        own = [run for run in runs if run.bench == bench]
        made.write(tmp_path / "parts" / bench.replace(":", "-"), made.a_session(bench), own)
    merge((tmp_path / "parts").iterdir(), tmp_path / "merged")
    parted = store.read(tmp_path / "merged")
    assert parted.session.cells == whole.session.cells
    assert parted.session.targets == whole.session.targets

    def rows(folder: ResultFolder) -> list[object]:
        return [(table.name, table.columns, table.rows) for table in tables.build([folder])]

    assert rows(parted) == rows(whole)


def test_two_merged_nights_are_compared_as_two_sessions_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nights = [whole_night(tmp_path / name) for name in ("one", "two")]
    assert main(["compare", *map(str, nights), "--json"]) == 0
    tables_found = json.loads(capsys.readouterr().out)["tables"]
    (sides,) = tables_found
    assert len(sides["rows"]) == 6 + 1
