"""Ends a process, or lets the disk refuse, at any one of the changes that SQLite makes by itself.

SQLite lets tests put functions of their own in the place of its system calls: `xSetSystemCall` of
`sqlite3_vfs`, https://sqlite.org/c3ref/vfs.html. Its sync is not among them; a process that is
killed before or after one leaves the same files as after the write before it, or before the next.
What is mapped into memory (the index of a write-ahead log) is not written by calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from injection import Action, Ended, Moment, die, in_child

_POINTERS_BEFORE = 13
"""xOpen to xCurrentTimeInt64, of versions 1 and 2 of the structure."""

_SIZE, _OFFSET = ctypes.c_size_t, ctypes.c_int64


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("methods", ctypes.c_void_p * _POINTERS_BEFORE),
        ("set_call", ctypes.c_void_p),
        ("get_call", ctypes.c_void_p),
    )


def _prototype(answer: Any, *arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(answer, *arguments, use_errno=True)


_WRITE = _prototype(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, _SIZE)
_WRITE_AT = _prototype(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, _SIZE, _OFFSET)
_CALLS = {
    "write": _WRITE,
    "pwrite": _WRITE_AT,
    "pwrite64": _WRITE_AT,
    "ftruncate": _prototype(ctypes.c_int, ctypes.c_int, _OFFSET),
    "unlink": _prototype(ctypes.c_int, ctypes.c_char_p),
}


def sqlite_changes(action: Action) -> list[str]:
    """Return the calls by which SQLite changes files in an action, in a child, undisturbed.

    The test is skipped where this Python's SQLite is built into it, and fails there in CI.
    """
    _needed_vfs()

    def recorded() -> list[str]:
        calls = _Calls()
        calls.install()
        action()
        return calls.seen

    ended = in_child(recorded)
    if ended.error is not None:
        raise ended.error
    found: list[str] = ended.value
    return found


def sqlite_moments(changes: Sequence[str]) -> Iterator[tuple[int, Moment]]:
    """Yield every point at which SQLite may be ended, within each write too."""
    for number, name in enumerate(changes):
        yield number, "before"
        if "write" in name:
            yield number, "half"
    yield len(changes) - 1, "after"


def killed_in_sqlite(action: Action, number: int, moment: Moment) -> Ended:
    """Run an action in a child that is killed at SQLite's n-th change, from 0 on."""

    def disturbed() -> Any:
        _Calls(kill_at=(number, moment)).install()
        return action()

    return in_child(disturbed)


def refused_in_sqlite(action: Action, number: int) -> Ended:
    """Run an action in a child in which no write of SQLite succeeds from the n-th change on."""

    def disturbed() -> Any:
        _Calls(full_from=number).install()
        return action()

    return in_child(disturbed)


_IN_PLACE: list[Any] = []
"""What SQLite calls: it must live as long as the process."""


class _Calls:
    """SQLite's calls, counted; they stay in place as long as the process lives."""

    def __init__(
        self, *, kill_at: tuple[int, Moment] | None = None, full_from: int | None = None
    ) -> None:
        self.seen: list[str] = []
        self._kill_at = kill_at
        self._full_from = full_from

    def install(self) -> None:
        pointer = _needed_vfs()
        vfs = pointer.contents
        get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(vfs.get_call)
        put = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
            vfs.set_call
        )
        for name, prototype in _CALLS.items():
            real = get(pointer, name.encode())
            # Which of them a library uses was decided when it was built.
            if real:
                called = prototype(self._counted(name, prototype(real)))
                _IN_PLACE.append(called)
                done = put(pointer, name.encode(), ctypes.cast(called, ctypes.c_void_p))
                assert done == sqlite3.SQLITE_OK

    def _counted(self, name: str, real: Callable[..., int]) -> Callable[..., int]:
        def called(*arguments: Any) -> int:
            number = len(self.seen)
            self.seen.append(name)
            if self._kill_at == (number, "before"):
                die()
            if self._kill_at == (number, "half"):
                descriptor, data, size, *offset = arguments
                real(descriptor, data, size // 2, *offset)
                die()
            if self._full_from is not None and number >= self._full_from and "write" in name:
                ctypes.set_errno(errno.ENOSPC)
                return -1
            answer = real(*arguments)
            if self._kill_at == (number, "after"):
                die()
            return answer

        return called


def _needed_vfs() -> Any:
    """Return a pointer to the file system of the SQLite that this Python uses."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    loaded = {line.split(maxsplit=5)[-1] for line in maps if "libsqlite3" in line}
    if not loaded:
        reason = "this Python's SQLite is not a library of its own, so its calls cannot be counted"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    find = ctypes.CDLL(loaded.pop()).sqlite3_vfs_find
    find.restype = ctypes.POINTER(_Vfs)
    vfs = find(None)
    assert vfs.contents.version >= 3
    return vfs
