"""Ends a process, or lets the disk refuse, at any one of its operations on files below a folder.

An action runs in a child that is forked from the warm process of the tests, so that hundreds of
points take seconds. In the child every way by which Python changes files is counted: opening for
writing, `write` (of descriptors and of files, behind Python's own buffer), `fsync`, `rename`,
`replace`, `mkdir`, `unlink`, `rmdir`, `truncate`, `sync`, and each statement given to SQLite but `SELECT`. What a C
library writes by itself is not seen; for SQLite there is `sqlite_writes`.

A killed process leaves what it wrote to the kernel's cache. What a power cut would leave is asked
of the order of operations instead: `power_cut_after`.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import pickle
import resource
import signal
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from unittest import mock

from harness.errors import HarnessError

Moment: TypeAlias = Literal["before", "half", "after"]
Action: TypeAlias = Callable[[], Any]

_CHANGING = ("mkdir", "rename", "replace", "unlink", "remove", "rmdir", "truncate")
_OF_DESCRIPTORS = ("fsync", "ftruncate", "write")
_NEEDING_ROOM = frozenset({"open", "write", "fsync", "mkdir", "rename", "replace"})


@dataclass(frozen=True)
class Operation:
    """One operation on files: its name, the path, and for renames the new path.

    `replaces` says that something stood under the new path.
    """

    name: str
    path: str
    to: str = ""
    replaces: bool = False


@dataclass(frozen=True)
class Ended:
    """How a child ended: killed, or with what the action returned or raised."""

    killed: bool
    value: Any = None
    error: BaseException | None = None


def operations_of(action: Action, below: Path) -> list[Operation]:
    """Return what an action does to files below a folder, in a child, undisturbed."""

    def recorded() -> list[Operation]:
        disturbance = _Disturbance(below)
        with disturbance.installed():
            action()
        return disturbance.seen

    ended = in_child(recorded)
    if ended.error is not None:
        raise ended.error
    found: list[Operation] = ended.value
    return found


def moments(operations: Sequence[Operation]) -> Iterator[tuple[int, Moment]]:
    """Yield every point at which a process may be ended: after one is before the next."""
    for number, operation in enumerate(operations):
        yield number, "before"
        if operation.name == "write":
            yield number, "half"
    yield len(operations) - 1, "after"


def killed(action: Action, below: Path, number: int, moment: Moment) -> Ended:
    """Run an action in a child that is killed at its n-th operation, from 0 on."""

    def disturbed() -> None:
        with _Disturbance(below, kill_at=(number, moment)).installed():
            action()

    return in_child(disturbed)


def without_room(action: Action, below: Path, number: int, *, code: int = errno.ENOSPC) -> Ended:
    """Run an action in a child for whom the disk is full from its n-th operation on."""

    def disturbed() -> Any:
        with _Disturbance(below, full_from=number, code=code).installed():
            return action()

    return in_child(disturbed)


def refused_at_size(action: Action, size_bytes: int) -> Ended:
    """Run an action in a child whom the kernel refuses to write beyond a size of any file."""

    def limited() -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
        return action()

    return in_child(limited)


def in_child(action: Action) -> Ended:
    """Run an action in a forked child and wait for its end."""
    return joined(started(action))


def started(action: Action) -> tuple[int, int]:
    """Fork a child that runs an action; return its process id and the end of a pipe to read."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Threads of number libraries may be there; what runs in the child does not use them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    _quiet()
    try:
        ended = Ended(killed=False, value=action())
    except BaseException as error:  # noqa: BLE001  the parent judges it
        ended = Ended(killed=False, error=error)
    with os.fdopen(writing, "wb") as pipe:
        _Sender(pipe).dump(ended)
    os._exit(0)


def joined(child: tuple[int, int]) -> Ended:
    """Wait for a child that was started."""
    process, reading = child
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, f"ended by signal {os.WTERMSIG(status)}"
        return Ended(killed=True)
    ended: Ended = pickle.loads(answer)
    return ended


@dataclass
class PowerCut:
    """What a power cut could undo or tear after a sequence of operations.

    `torn` are files that were replaced by what was not synced since it was written, so neither
    the old nor the new contents need be there; `contents` and `names` are what is not on the disk
    in the end.
    """

    torn: list[str] = field(default_factory=list)
    contents: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    @property
    def harm(self) -> list[str]:
        return [*self.torn, *sorted(self.contents | self.names)]


def power_cut_after(operations: Sequence[Operation]) -> PowerCut:
    """Tell what a power cut after these operations could do, by their order."""
    left = PowerCut()
    for operation in operations:
        path, name = operation.path, operation.name
        if name == "sync":
            left.contents.clear()
            left.names.clear()
        elif name == "fsync":
            left.contents.discard(path)
            left.names = {at for at in left.names if str(Path(at).parent) != path}
        elif name in {"rename", "replace"}:
            _renamed(left, operation)
        elif name in {"unlink", "remove", "rmdir"}:
            left.contents.discard(path)
            left.names.discard(path)
        else:
            if name != "mkdir":
                left.contents.add(path)
            if name in {"mkdir", "open"}:
                left.names.add(path)
    return left


def _renamed(left: PowerCut, operation: Operation) -> None:
    old, new = operation.path, operation.to

    def moved(paths: set[str]) -> set[str]:
        return {
            new + at.removeprefix(old) if at == old or at.startswith(f"{old}/") else at
            for at in paths
        }

    contents, names = moved(left.contents), moved(left.names - {old})
    if operation.replaces and contents - left.contents:
        left.torn.append(new)
    left.contents, left.names = contents, names | {new}


class _Disturbance:
    """Counts operations below a folder; kills, or refuses, at the one that is named."""

    def __init__(
        self,
        below: Path,
        *,
        kill_at: tuple[int, Moment] | None = None,
        full_from: int | None = None,
        code: int = errno.ENOSPC,
    ) -> None:
        self.seen: list[Operation] = []
        self._below = str(below.resolve())
        self._kill_at = kill_at
        self._full_from = full_from
        self._code = code

    def installed(self) -> ExitStack:
        """Put this into the way of Python's file operations until the context is left."""
        patches = {name: self._by_path(name) for name in _CHANGING}
        patches |= {name: self._by_descriptor(name) for name in _OF_DESCRIPTORS}
        patches["open"] = self._os_open()
        patches["sync"] = self._sync()
        patches["sendfile"] = self._sendfile()
        opened = self._open()
        stack = ExitStack()
        for name, called in patches.items():
            stack.enter_context(mock.patch.object(os, name, called))
        for module in (io, builtins):
            stack.enter_context(mock.patch.object(module, "open", opened))
        stack.enter_context(mock.patch.object(sqlite3, "connect", self._connect()))
        return stack

    def around(self, operation: Operation, do: Callable[[], Any], half: Callable[[], Any]) -> Any:
        """Do an operation, unless the process ends or the disk refuses first."""
        if not f"{operation.path}/".startswith(f"{self._below}/"):
            return do()
        number = len(self.seen)
        self.seen.append(operation)
        if self._kill_at == (number, "before"):
            die()
        if self._kill_at == (number, "half"):
            half()
            die()
        if self._full_from is not None and number >= self._full_from:
            if operation.name == "write" and number == self._full_from:
                # A disk rarely fills at the boundary of what somebody writes.
                return half()
            if operation.name in _NEEDING_ROOM:
                raise OSError(self._code, os.strerror(self._code), operation.path)
        try:
            return do() if operation.name not in {"fsync", "sync"} else None
        finally:
            if self._kill_at == (number, "after"):
                die()

    def _by_path(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def called(path: Any, *others: Any, **named: Any) -> Any:
            if name == "mkdir" and Path(path).is_dir():
                # Nothing happens to the disk.
                return real(path, *others, **named)
            to = _absolute(others[0]) if name in {"rename", "replace"} else ""
            operation = Operation(
                name, _absolute(path, named.get("dir_fd")), to, bool(to) and Path(to).exists()
            )
            return self.around(operation, lambda: real(path, *others, **named), lambda: None)

        return called

    def _by_descriptor(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def called(descriptor: int, *others: Any) -> Any:
            operation = Operation(name, _path_of(descriptor))

            def half() -> Any:
                return real(descriptor, others[0][: len(others[0]) // 2])

            return self.around(operation, lambda: real(descriptor, *others), half)

        return called

    def _sendfile(self) -> Callable[..., Any]:
        real = os.sendfile

        def called(to: int, source: int, offset: int, count: int) -> Any:
            size = os.fstat(source).st_size - offset
            return self.around(
                Operation("write", _path_of(to)),
                lambda: real(to, source, offset, count),
                lambda: real(to, source, offset, size // 2) if size > 1 else 0,
            )

        return called

    def _sync(self) -> Callable[[], Any]:
        operation = Operation("sync", self._below)
        return lambda: self.around(operation, lambda: None, lambda: None)

    def _connect(self) -> Callable[..., Any]:
        real, disturbance = sqlite3.connect, self

        class CountedConnection(sqlite3.Connection):
            path = ""

            def execute(self, *statement: Any) -> sqlite3.Cursor:
                do = super().execute
                if statement[0].startswith("SELECT"):
                    return do(*statement)
                return self._around(lambda: do(*statement))

            def executemany(self, *statement: Any) -> sqlite3.Cursor:
                do = super().executemany
                return self._around(lambda: do(*statement))

            def _around(self, do: Action) -> sqlite3.Cursor:
                operation = Operation("statement", self.path)
                done: sqlite3.Cursor = disturbance.around(operation, do, lambda: None)
                return done

        def called(path: Any, *others: Any, **named: Any) -> sqlite3.Connection:
            connection = real(path, *others, factory=CountedConnection, **named)
            connection.path = _absolute(path)
            return connection

        return called

    def _os_open(self) -> Callable[..., Any]:
        real = os.open

        def called(path: Any, flags: int, *others: Any, **named: Any) -> Any:
            def do() -> Any:
                return real(path, flags, *others, **named)

            if not flags & os.O_CREAT or (not named and Path(path).exists()):
                return do()
            return self.around(Operation("open", _absolute(path)), do, lambda: None)

        return called

    def _open(self) -> Callable[..., Any]:
        real, disturbance = io.open, self

        class CountedFile(io.FileIO):
            def write(self, data: Any, /) -> int:
                content = bytes(data)
                write = super().write
                done = disturbance.around(
                    Operation("write", _path_of(self.fileno())),
                    lambda: write(content),
                    lambda: write(content[: len(content) // 2]),
                )
                return int(done)

        def called(file: Any, mode: str = "r", *others: Any, **named: Any) -> Any:
            if isinstance(file, int) or not set(mode) & set("wax"):
                return real(file, mode, *others, **named)
            plain = mode.replace("b", "").replace("t", "")
            operation = Operation("open", _absolute(file))
            counted = disturbance.around(operation, lambda: CountedFile(file, plain), lambda: None)
            buffered = io.BufferedWriter(counted)
            if "b" in mode:
                return buffered
            encoding = others[1] if len(others) > 1 else named.get("encoding")
            return io.TextIOWrapper(buffered, encoding or "utf-8", newline=named.get("newline"))

        return called


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _quiet() -> None:
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)


class _Sender(pickle.Pickler):
    """Sends what an action gave to the parent, our errors with their next step."""

    def reducer_override(self, sent: Any) -> Any:
        if isinstance(sent, HarnessError):
            return (_received, (type(sent), sent.message, sent.hint, sent.where, sent.kind))
        return NotImplemented


def _received(
    error: type[HarnessError], message: str, hint: str, where: str, kind: str
) -> HarnessError:
    return error(message, hint=hint, where=where, kind=kind)


def _absolute(path: Any, folder: int | None = None) -> str:
    text = os.fsdecode(path)
    if folder is not None:
        return str(Path(_path_of(folder)) / text)
    return str(Path(text).absolute())


def _path_of(descriptor: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return ""
