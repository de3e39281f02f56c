"""Starting programs: what they say goes to a log, they end in time, and none is left behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from installer.stopped import SetupStopped

_TAIL_LINES = 15
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs the programs of a set-up; `lock` is inherited by them (see `installer.lock`)."""

    folder: Path
    environ: Mapping[str, str]
    lock: int | None = None

    def start_log(self, name: str) -> Path:
        """Return the empty log of a step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{name}.log"
        log.write_bytes(b"")
        return log

    def run(
        self,
        what: str,
        argv: Sequence[str],
        *,
        log: Path,
        timeout_s: float,
        next_step: str,
        environ: Mapping[str, str] | None = None,
        share_lock: bool = True,
    ) -> None:
        """Run a program to its end; `environ` is added to the environment.

        Raises:
            SetupStopped: it failed, could not be started, or did not end in time.
        """
        with log.open("ab") as sink:
            sink.write(f"$ {shlex.join(argv)}\n".encode())
            sink.flush()
            try:
                process = subprocess.Popen(
                    argv,
                    cwd=self.folder.parent,
                    env={**self.environ, **(environ or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(self.lock,) if share_lock and self.lock is not None else (),
                )
            except OSError as error:
                raise SetupStopped(f"{what}: {error}", next_step=next_step) from error
            try:
                status = process.wait(timeout_s)
                how = f"exit {status}" if status >= 0 else f"signal {-status}"
            except subprocess.TimeoutExpired:
                status, how = -1, f"not done after {timeout_s:.0f} s"
            finally:
                _end_group(process)
        if status != 0:
            raise SetupStopped(
                f"{what} failed ({how}); the end of {log.parent.name}/{log.name}:",
                next_step=next_step,
                tail=_tail(log),
            )

    def ask(self, *argv: str, timeout_s: float = 20.0) -> str | None:
        """Return what a program says on stdout, without the space around it, or None."""
        try:
            answer = subprocess.run(
                argv,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.decode(errors="replace").strip()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.rstrip() for line in lines if line.strip()][-_TAIL_LINES:]
