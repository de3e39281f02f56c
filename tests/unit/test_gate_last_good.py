"""What a gate keeps is whole, is never half moved, and is not believed once it was changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_parts import CELL, night_of, written
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import session

from harness import store
from harness.errors import StoreError
from harness.gate.builds import Build, KeptNight, NotedCell, night_from_bytes, night_to_bytes
from harness.gate.collecting import Collected, part_of
from harness.gate.last_good import BUILD, PARTS, LastGood
from harness.gate.marked_builds import refuse_marked
from harness.store.marking import add_mark
from harness.store.used import Used

MODEL = "model:m/fp32/tfjs"
TOOL = "tool:benchmark_model/arm64-v8a"


def collected(folder: Path, content: bytes = b"weights") -> Collected:
    model = written(folder / "model", {"model.json": b"{}", "shards/a.bin": content})
    tool = written(folder / "tool", {"tool": b"\x7fELF"})
    parts = {
        MODEL: part_of(model, "model.json", "known", {}),
        TOOL: part_of(tool, "tool", "", {"kind": "benchmark_model"}),
    }
    return Collected(Build(parts), {MODEL: model, TOOL: tool})


def kept(tmp_path: Path) -> tuple[LastGood, Collected]:
    found = collected(tmp_path)
    folder = LastGood(tmp_path / "last-good")
    with folder.locked():
        folder.stage(found)
        folder.keep(night_of(found.build))
    return folder, found


def test_what_is_kept_survives_the_build_that_it_came_from(tmp_path: Path) -> None:
    folder, found = kept(tmp_path)
    for path in found.files[MODEL].values():
        path.write_bytes(b"rebuilt")
    night = folder.read()
    assert night is not None
    folder.check(night.build)
    part = night.build.parts[MODEL]
    assert (folder.folder(part) / "shards/a.bin").read_bytes() == b"weights"
    assert (folder.folder(part) / part.main).read_bytes() == b"{}"


def test_the_first_last_good_build_is_the_reference_until_one_is_pinned(tmp_path: Path) -> None:
    folder, found = kept(tmp_path)
    assert folder.read_reference() == folder.read()
    folder.pin(night_of(found.build, NotedCell(CELL, "failed")))
    assert folder.read_reference() != folder.read()


def test_files_that_were_changed_are_not_compared_with(tmp_path: Path) -> None:
    folder, found = kept(tmp_path)
    part = found.build.parts[MODEL]
    (folder.folder(part) / "shards/a.bin").write_bytes(b"other")
    with pytest.raises(StoreError, match="changed since they were kept"):
        folder.check(found.build)


def test_a_build_that_changes_while_it_is_copied_is_not_kept(tmp_path: Path) -> None:
    found = collected(tmp_path)
    (tmp_path / "model" / "shards" / "a.bin").write_bytes(b"newer")
    with pytest.raises(StoreError, match="changed while the gate copied"):
        LastGood(tmp_path / "last-good").stage(found)
    assert [path.name for path in (tmp_path / "last-good" / PARTS).iterdir()] == []


def test_two_gates_of_one_suite_exclude_each_other(tmp_path: Path) -> None:
    folder = LastGood(tmp_path / "last-good")
    with folder.locked(), pytest.raises(StoreError, match="another gate"), folder.locked():
        pass
    with folder.locked():
        pass


def test_parts_of_neither_build_are_removed(tmp_path: Path) -> None:
    folder, found = kept(tmp_path)
    folder.pin(night_of(found.build))
    newer = collected(tmp_path / "newer", b"other weights")
    folder.stage(newer)
    folder.prune()
    assert {path.name for path in (folder.root / PARTS).iterdir()} == {
        part.sha256 for part in found.build.parts.values()
    }
    folder.stage(newer)
    folder.keep(night_of(newer.build))
    folder.prune()
    folder.check(found.build)
    folder.check(newer.build)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(12))
def test_a_kill_at_any_moment_leaves_the_old_build_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder, found = kept(tmp_path)
    newer = collected(tmp_path / "newer", b"other weights")
    steps = iter(range(100))

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return real(*arguments, **more)

        return call

    monkeypatch.setattr(shutil, "copy", counting(shutil.copy))
    monkeypatch.setattr(os, "fsync", counting(os.fsync))
    monkeypatch.setattr(Path, "rename", counting(Path.rename))
    monkeypatch.setattr(Path, "replace", counting(Path.replace))
    try:
        folder.stage(newer)
        folder.keep(night_of(newer.build))
        folder.prune()
    except Killed:
        pass
    monkeypatch.undo()
    night = folder.read()
    assert night is not None
    assert night.build in (found.build, newer.build)
    folder.check(night.build)
    with folder.locked():
        folder.stage(newer)
        folder.keep(night_of(newer.build))
    folder.check(newer.build)


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[]", b'{"schema": 9}', b"\xff"])
def test_a_damaged_record_is_named(tmp_path: Path, damaged: bytes) -> None:
    folder, _ = kept(tmp_path)
    (folder.root / BUILD).write_bytes(damaged)
    with pytest.raises(StoreError, match="not what a gate keeps"):
        folder.read()


@given(
    name=st.text(st.characters(codec="utf-8"), max_size=20),
    value=st.one_of(st.none(), st.integers(), st.text(max_size=5), st.floats(allow_nan=False)),
)
@settings(deadline=None, max_examples=50)
def test_a_night_is_read_as_it_was_written(name: str, value: Any) -> None:
    noted = NotedCell(replace(CELL, model=name), "measured", "3 of 4")
    night = KeptNight("s", "now", name, Build({}), (noted,), {"host": {name: value}})
    assert night_from_bytes(night_to_bytes(night)) == night


def test_a_build_is_known_by_what_runs_not_by_what_files_are_called(tmp_path: Path) -> None:
    one = part_of(written(tmp_path, {"a.tflite": b"x"}), "a.tflite", "known", {})
    other = part_of(written(tmp_path, {"b.tflite": b"x"}), "b.tflite", "known", {})
    assert one.sha256 != other.sha256
    assert Build({MODEL: one}).sha256 == Build({MODEL: other}).sha256


def test_a_build_that_was_marked_as_invalid_since_is_refused_until_the_mark_is_withdrawn(
    tmp_path: Path,
) -> None:
    folder, found = kept(tmp_path)
    night = folder.read()
    assert night is not None
    refuse_marked(night, folder.root)
    (tool,) = found.build.parts[TOOL].files.values()
    with store.create(tmp_path / "night", session(suite_sha256=tool), "suite: s\n"):
        pass
    add_mark(tmp_path / "night", Used("sha256", tool), "invalid", "a debug build")
    with pytest.raises(StoreError, match="2026-11-23 is invalid: a debug build") as caught:
        refuse_marked(night, folder.root)
    assert TOOL in caught.value.message
    add_mark(tmp_path / "night", Used("sha256", tool), "withdrawn", "it was not")
    refuse_marked(night, folder.root)
