"""The injector itself finds what it is for: torn files, lost names, and every operation."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from injection import (
    Operation,
    in_child,
    killed,
    moments,
    operations_of,
    power_cut_after,
    without_room,
)


def careless(path: Path) -> None:
    """Write a file in place, as nobody should."""
    path.write_bytes(b"0123456789")


def test_every_operation_of_an_action_is_seen_and_nothing_outside_of_the_folder(
    tmp_path: Path,
) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()

    def action() -> None:
        careless(outside)
        (inside / "a").write_text("text", encoding="utf-8")
        (inside / "a").rename(inside / "b")
        (inside / "f").mkdir()
        descriptor = os.open(inside / "c", os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, b"1")
        os.fsync(descriptor)
        os.close(descriptor)
        (inside / "c").unlink()

    seen = operations_of(action, inside)
    assert [each.name for each in seen] == [
        *("open", "write", "rename", "mkdir"),
        *("open", "write", "fsync", "unlink"),
    ]
    assert seen[2] == Operation("rename", str(inside / "a"), str(inside / "b"))


def test_a_careless_writer_leaves_a_half_file_at_some_point(tmp_path: Path) -> None:
    path = tmp_path / "file"
    left = set()
    for number, moment in moments(operations_of(lambda: careless(path), tmp_path)):
        path.unlink(missing_ok=True)
        assert killed(lambda: careless(path), tmp_path, number, moment).killed
        left.add(path.read_bytes() if path.exists() else None)
    assert left == {None, b"", b"01234", b"0123456789"}


def test_a_full_disk_is_full_from_some_operation_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    ended = without_room(lambda: careless(path), tmp_path, 0)
    assert isinstance(ended.error, OSError)
    assert ended.error.errno == errno.ENOSPC
    ended = without_room(lambda: careless(path), tmp_path, 1)
    assert isinstance(ended.error, OSError)
    assert path.read_bytes() == b"01234"


def harm(*operations: Operation) -> list[str]:
    return power_cut_after(operations).harm


def test_what_a_power_cut_could_undo_is_found_by_the_order_of_operations() -> None:
    renaming = Operation("replace", "/d/.a", "/d/a", replaces=True)
    writing, syncing = Operation("write", "/d/.a"), Operation("fsync", "/d/.a")
    folder = Operation("fsync", "/d")
    assert harm(writing, syncing, renaming, folder) == []
    assert harm(writing, renaming, folder) == ["/d/a", "/d/a"]
    assert harm(writing, renaming, Operation("fsync", "/d/a"), folder) == ["/d/a"]
    assert harm(writing, syncing, renaming) == ["/d/a"]
    assert harm(writing, renaming, Operation("sync", "/")) == ["/d/a"]


def test_what_is_inside_of_a_renamed_folder_must_be_synced_too() -> None:
    making = [Operation(*at) for at in (("mkdir", "/d/.r"), ("open", "/d/.r/x"))]
    writing, syncing = Operation("write", "/d/.r/x"), Operation("fsync", "/d/.r/x")
    inside, outside = Operation("fsync", "/d/.r"), Operation("fsync", "/d")
    moving = Operation("rename", "/d/.r", "/d/r")
    assert harm(*making, writing, syncing, inside, moving, outside) == []
    assert harm(*making, writing, inside, moving, outside) == ["/d/r/x"]
    assert harm(*making, writing, syncing, moving, outside) == ["/d/r/x"]
    assert harm(*making, writing, syncing, inside, moving) == ["/d/r"]


def test_what_an_action_raises_comes_back_from_the_child() -> None:
    def action() -> None:
        raise FileNotFoundError(errno.ENOENT, "not there")

    with pytest.raises(FileNotFoundError):
        raise in_child(action).error or AssertionError
