"""Programs that end with the harness, with all that they started, however it ends.

Each program leads a process group. A shell beside them knows the groups and reads a pipe that
only this process holds open: when the pipe ends, because the harness was killed, the shell kills
the groups. Linux' parent-death signal would not do: it follows the thread that started a program
instead of the process, and reaches the driver and not its browser, which stays when it dies.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness.transports.processes import ProcessId, end_family, process_with

_WATCH = 'while read -r group; do groups="$groups -$group"; done; kill -s KILL -- $groups'
# The group is told before anything of the program runs, so that no moment is left unwatched.
_START = 'echo $$ >&0; exec "$@" </dev/null'
_GENTLE_S = 1.0
_MOST_WORDS = 4000


class GuardedProgram:
    """A started program; what it says goes to `log`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self.root: ProcessId = process_with(process.pid)

    @property
    def ended(self) -> bool:
        """Tell whether the program has ended."""
        return self._process.poll() is not None

    def words(self) -> str:
        """Return the end of what it said so far."""
        with suppress(OSError):
            return self._log.read_bytes()[-_MOST_WORDS:].decode(errors="replace").strip()
        return ""

    def end(self, *, gently: bool = False) -> None:
        """End it with everything of its group; `gently` lets it clear up for a second."""
        if gently and not self.ended:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GENTLE_S)
        end_family([self.root])
        self._process.wait()


class Guard:
    """Starts programs and ends them all; to be ended itself."""

    def __init__(self) -> None:
        self._programs: list[tuple[GuardedProgram, bool]] = []
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        log: Path,
        pass_fds: Sequence[int] = (),
        gently: bool = False,
    ) -> GuardedProgram:
        """Start a program; `gently` is how it will be ended."""
        with log.open("wb") as words:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _START, "start", *command],
                stdin=self._watcher.stdin,
                stdout=words,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                pass_fds=pass_fds,
                start_new_session=True,
            )
        program = GuardedProgram(process, log)
        self._programs.append((program, gently))
        return program

    def end(self) -> None:
        """End every program, the last one first, then the watching; may be called twice."""
        for program, gently in reversed(self._programs):
            program.end(gently=gently)
        # First killed and then let go of: it must not find other groups of the same numbers.
        self._watcher.kill()
        self._watcher.wait()
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
