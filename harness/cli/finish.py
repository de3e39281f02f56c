"""What happens when a session has ended: the suite's `on_finish:` gets its digest.

A verb that measures calls `concluded(suite, folder, session)` once, as soon as the folder is there:
`session` does all the rest (measures, decides, prints) and returns the exit code. Everything that
the digest reads (`runs.jsonl`, `gate.json`) is on disk when it returns or raises. Nothing here
raises for what the command does, or changes an exit code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.cli import say
from harness.errors import EXIT_BUG, EXIT_FINDINGS, EXIT_INTERRUPTED, HarnessError
from harness.report.digest.as_json import as_json
from harness.report.digest.reading import digest_of_session
from harness.report.digest.values import Digest
from harness.suite.values import OnFinish, Suite

_ENDS_WITHIN_S = 5.0
_STDERR = 2


def finish(suite: Suite, folder: Path, exit_code: int) -> None:
    """Run the suite's `on_finish:` with the digest of the session in `folder`, if it has one.

    The command gets the digest as JSON on its standard input and in the file $EDGEBENCH_DIGEST,
    beside $EDGEBENCH_FOLDER, $EDGEBENCH_SUITE and $EDGEBENCH_EXIT_CODE, which the verb is about to
    return. What it prints goes to stderr. Whatever goes wrong with it is said there too.

    Raises:
        KeyboardInterrupt: somebody does not want to wait for it; its process group is ended.
    """
    if suite.on_finish is None:
        return
    session, unreadable = digest_of_session(folder)
    digest = as_json(Digest((session,) if session else (), tuple(unreadable)))
    try:
        with tempfile.TemporaryDirectory(prefix="edgebench-digest-") as scratch:
            path = Path(scratch) / "digest.json"
            path.write_text(digest, encoding="ascii")
            _run(suite.on_finish, suite, folder, exit_code, path)
    except OSError as error:
        _complain(f"could not be started: {error}", "make it a program that this user can run")
    except ValueError as error:
        _complain(f"could not be started: {error}", "write its words without such characters")


def concluded(suite: Suite, folder: Path, session: Callable[[], int]) -> int:
    """Return the exit code that `session` returns, after `finish` was called with it.

    An error that ends the session is told by its exit code, and raised again.
    """
    with told_if_it_fails(suite, folder):
        code = session()
    finish(suite, folder, code)
    return code


@contextmanager
def told_if_it_fails(suite: Suite, folder: Path) -> Iterator[None]:
    """Call `finish` where an error ends what is done inside."""
    try:
        yield
    except BaseException as error:
        finish(suite, folder, _code_of(error))
        raise


def _code_of(error: BaseException) -> int:
    """Return the exit code that the command line gives to an error."""
    match error:
        case HarnessError():
            return error.exit_code
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED
        case BrokenPipeError():
            return EXIT_FINDINGS
        case _:
            return EXIT_BUG


def _run(command: OnFinish, suite: Suite, folder: Path, exit_code: int, digest: Path) -> None:
    environment = {
        **os.environ,
        "EDGEBENCH_DIGEST": str(digest),
        "EDGEBENCH_FOLDER": str(folder.absolute()),
        "EDGEBENCH_SUITE": suite.name,
        "EDGEBENCH_EXIT_CODE": str(exit_code),
    }
    # A file, not a pipe: a command that reads none of it is neither waited for nor told off.
    with digest.open("rb") as stdin:
        process = subprocess.Popen(
            command.command,
            stdin=stdin,
            stdout=_STDERR,
            cwd=suite.path.absolute().parent,
            env=environment,
            start_new_session=True,
        )
    try:
        process.wait(command.timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        _complain(
            f"did not end within {command.timeout_s:g} s and was ended",
            "raise `timeout_s` of `on_finish:`, or have it do less",
        )
    except BaseException:
        _end(process)
        raise
    else:
        _judge(process.returncode)


def _judge(code: int) -> None:
    if code:
        told = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        _complain(told, "see what it said above; the session itself is whole")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and whatever it started: asked first, then killed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS_WITHIN_S)
    # What ignored it, or was left behind by a command that did not.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _complain(what: str, hint: str) -> None:
    say(f"edgebench: on_finish {what}")
    say(f"  next step: {hint}")
