"""The result folder keeps every finished run, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import store
from harness.errors import StoreError
from harness.model import (
    Cell,
    Failed,
    Failure,
    Measured,
    Measurement,
    Proof,
    RunResult,
    Scalar,
    SessionRecord,
    Skipped,
    TargetRecord,
)
from harness.store import durable
from harness.store.records import run_from_record, run_to_line

CELL = Cell("net", "fp32", "chromium", "simd")

names = st.text(min_size=1, max_size=20)
finite = st.floats(min_value=0, max_value=1e12, allow_nan=False)
facts = st.dictionaries(
    names, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text(max_size=20)
)
failures = st.builds(Failure, kind=names, message=st.text(max_size=40), hint=st.text(max_size=20))
measurements = st.one_of(
    st.builds(Measurement, metric=names, unit=st.sampled_from(["s", "B"]), value=finite),
    st.builds(
        Measurement,
        metric=names,
        unit=st.just("s"),
        samples=st.lists(finite, min_size=1, max_size=5).map(tuple),
        per=st.just("iteration"),
    ),
    st.builds(Measurement, metric=names, unit=st.just("B"), absent=names),
)
outcomes = st.one_of(
    st.builds(Measured, st.lists(measurements, max_size=4).map(tuple)),
    st.builds(Failed, failures),
    st.builds(Skipped, failures, st.booleans()),
)
runs = st.builds(
    RunResult,
    run_id=names,
    cell=st.builds(Cell, names, names, names, names),
    bench=names,
    pass_=st.sampled_from(["latency", "memory"]),
    block=st.integers(1, 99),
    order=st.integers(1, 999),
    attempt=st.integers(1, 9),
    outcome=outcomes,
    started_utc=st.just("2026-01-01T00:00:00.000+00:00"),
    duration_s=finite,
    setting=facts,
    subject=facts,
    conditions=facts,
    proof=st.builds(Proof, facts, facts),
    phases_s=st.dictionaries(names, finite),
    command=st.lists(names, max_size=3).map(tuple),
    raw=names,
)


def a_session() -> SessionRecord:
    return SessionRecord(
        schema=store.SCHEMA,
        suite="s",
        suite_sha256="0" * 64,
        label="host-1",
        started_utc="2026-01-01T00:00:00+00:00",
        command=("edgebench", "run", "s.yaml"),
        seed=1,
        blocks=2,
        memory_runs=1,
        cells=(CELL,),
        targets=(
            TargetRecord(
                "chromium", "web-tfjs", "host", False, ("simd",), None, (("a", "b"),), 0.02
            ),
        ),
        harness={"version": "0"},
        host={"os": "x"},
        models={"net": {"tfjs_sha256": "1"}},
    )


def a_run(block: int = 1) -> RunResult:
    return RunResult(
        run_id=f"l{block:03d}",
        cell=CELL,
        bench="host",
        pass_="latency",
        block=block,
        order=block,
        attempt=1,
        outcome=Measured((Measurement("latency_mean", "s", 0.01),)),
        started_utc="2026-01-01T00:00:00.000+00:00",
        duration_s=1.0,
    )


@given(runs)
@settings(deadline=None)
def test_a_run_comes_back_from_its_line_as_it_was(run: RunResult) -> None:
    line = run_to_line(run)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert run_from_record(json.loads(line)) == run


@given(st.lists(st.integers(1, 9), max_size=4), st.data())
@settings(deadline=None, max_examples=40)
def test_a_cut_anywhere_loses_only_the_line_it_cuts(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[int], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "r"
    with store.create(path, a_session(), "suite: s\n") as writer:
        for block in blocks:
            writer.append(a_run(block))
    whole = (path / "runs.jsonl").read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    os.truncate(path / "runs.jsonl", cut)
    finished = whole[:cut].count(b"\n")
    assert [run.block for run in store.read(path).runs] == blocks[:finished]
    writer, folder = store.resume(path)
    with writer:
        writer.append(a_run(77))
    assert [run.block for run in folder.runs] == blocks[:finished]
    assert [run.block for run in store.read(path).runs] == [*blocks[:finished], 77]


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with store.create(tmp_path / "r", a_session(), "x") as writer:
        with pytest.raises(StoreError, match="another process") as caught:
            store.resume(tmp_path / "r")
        assert caught.value.exit_code == 4
        writer.append(a_run())
    assert len(store.read(tmp_path / "r").runs) == 1


def test_a_folder_that_holds_something_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(StoreError, match="not empty"):
        store.create(tmp_path, a_session(), "x")
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_full_disk_takes_back_the_half_line_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.create(tmp_path / "r", a_session(), "x") as writer:
        writer.append(a_run(1))
        real_write = os.write

        room = [10]

        def full(descriptor: int, data: bytes) -> int:
            if not room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real_write(descriptor, data[: room.pop()])

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreError) as caught:
            writer.append(a_run(2))
        monkeypatch.undo()
        assert "free some space" in caught.value.hint
        writer.append(a_run(3))
    assert [run.block for run in store.read(tmp_path / "r").runs] == [1, 3]


def test_a_damaged_line_in_the_middle_is_named_by_its_number(tmp_path: Path) -> None:
    with store.create(tmp_path / "r", a_session(), "x") as writer:
        writer.append(a_run(1))
        writer.append(a_run(2))
    path = tmp_path / "r" / "runs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"block":1', b'"blork":1'))
    with pytest.raises(StoreError, match=r"runs\.jsonl:1"):
        store.read(tmp_path / "r")


def test_a_newer_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with store.create(tmp_path / "r", a_session(), "x") as writer:
        writer.append(a_run(1))
    path = tmp_path / "r" / "runs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":99'))
    with pytest.raises(StoreError, match="schema 99") as caught:
        store.read(tmp_path / "r")
    assert "update edgebench" in caught.value.hint


def test_raw_files_are_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.create(tmp_path / "r", a_session(), "x") as writer:
        assert writer.keep_raw("id", {"a.txt": b"1"}) == "raw/id"
        assert writer.keep_raw("id", {"b.txt": b"2"}) == "raw/id"
        assert [p.name for p in (tmp_path / "r/raw/id").iterdir()] == ["b.txt"]

        def full(path: Path, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(durable, "write_synced", full)
        with pytest.raises(StoreError):
            writer.keep_raw("other", {"a.txt": b"1"})
    assert [p.name for p in (tmp_path / "r/raw").iterdir()] == ["id"]


def test_nothing_acknowledged_is_lost_to_kill_9(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        sys.path.insert(0, sys.argv[2])
        from pathlib import Path
        from harness import store
        from test_store import a_run, a_session
        with store.create(Path(sys.argv[1]), a_session(), "x") as writer:
            for block in range(1, 10_000):
                writer.append(a_run(block))
                print(block, flush=True)
    """)
    path = tmp_path / "r"
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(25)]
    child.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout.read().splitlines() if line]
    child.wait()
    child.stdout.close()
    blocks = [run.block for run in store.read(path).runs]
    assert blocks[: len(acknowledged)] == acknowledged
    assert len(blocks) - len(acknowledged) <= 1


def test_what_is_not_a_result_folder_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a result folder"):
        store.find_folders([tmp_path])
    with store.create(tmp_path / "a" / "r", a_session(), "x"):
        pass
    assert store.find_folders([tmp_path]) == (tmp_path / "a" / "r",)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1.0, 1), (0, False)])
def test_facts_that_are_equal_and_not_the_same_are_told_apart(one: Scalar, other: Scalar) -> None:
    read = [
        run_from_record(json.loads(run_to_line(replace(a_run(), setting={"fact": value}))))
        for value in (one, other)
    ]
    assert [type(run.setting["fact"]) for run in read] == [type(one), type(other)]
