"""The command line: parse, validate, run, print; the only module that knows all the others."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from harness.cli.arguments import parse as parse_arguments
from harness.errors import EXIT_BUG, EXIT_FINDINGS, EXIT_INTERRUPTED, HarnessError

BUG_TEXT = """
This is a bug in edgebench, not in what you wrote. What was measured is kept.
Please report it with the lines above."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see docs/command-line.md)."""
    arguments = parse_arguments(argv)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        verb = import_module(f"harness.cli.{arguments.module}")
        code: int = verb.execute(arguments)
        sys.stdout.flush()
    except HarnessError as error:
        say(f"edgebench: {error}")
        say(f"  next step: {error.hint}")
        return error.exit_code
    except KeyboardInterrupt:
        say("edgebench: interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`); Python must not complain about it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FINDINGS
    # The last resort: everything foreseen is a HarnessError.
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        say(BUG_TEXT)
        return EXIT_BUG
    return code


def say(text: str) -> None:
    """Say something to the person at the terminal."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  stderr is the conversation


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
