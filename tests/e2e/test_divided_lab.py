"""A lab that two machines measure, as two sessions side by side here, and merge into one folder.

The phones are virtual devices whose tool only sleeps, see `test_lab_of_phones`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Commander
from test_lab_of_phones import prepare

from harness import store

pytestmark = pytest.mark.adb

LAB = "phones:\n" + "".join(
    f"  v{n}: {{virtual: {{cpu_free: true}}, tags: [pretend]}}\n" for n in (1, 2, 3)
)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_two_shards_measure_each_bench_once_and_merge_in_any_order(edgebench: Commander) -> None:
    prepare(edgebench.folder, "{tag: pretend}", LAB, sleep_s=0.1)
    names = ("r1", "r2")
    sessions = [
        edgebench.start("run", "s.yaml", "--shard", f"{n}/2", "--out", name, "--quiet")
        for n, name in enumerate(names, start=1)
    ]
    assert [session.communicate()[1] for session in sessions] == ["", ""]
    assert [session.returncode for session in sessions] == [0, 0]
    folders = [store.read(edgebench.folder / name) for name in names]
    benches = [{run.bench for run in folder.runs} for folder in folders]
    assert sorted(map(len, benches)) == [1, 2]
    assert set.union(*benches) == {f"virtual:v{n}" for n in (1, 2, 3)}
    assert edgebench("merge", *names, "--out", "one").returncode == 0
    assert edgebench("merge", *names[::-1], "one", "--out", "other").returncode == 0
    assert contents(edgebench.folder / "one") == contents(edgebench.folder / "other")
    assert edgebench("verify", "one").returncode == 0
    said = edgebench("table", "one", "--json")
    latency = next(t for t in json.loads(said.stdout)["tables"] if t["name"] == "latency")
    assert len(latency["rows"]) == 3
    assert "2 merged sessions" in " ".join(latency["notes"])
