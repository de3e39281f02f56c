"""What several verbs' arguments are made of."""

from __future__ import annotations

import argparse
from typing import TypeAlias

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  it has no other name


def add_verb(verbs: Verbs, name: str, module: str, text: str) -> argparse.ArgumentParser:
    """Add a verb that `harness.cli.<module>` executes; `text` says what it does."""
    verb = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    verb.set_defaults(module=module)
    return verb


def add_only(verb: argparse.ArgumentParser) -> None:
    """Add `--only`."""
    verb.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="WORD=NAME,…",
        help="only these cells, such as model=blazeface,target=chromium,variant=simd",
    )


def add_format(verb: argparse.ArgumentParser) -> None:
    """Add `--format` and `--json`."""
    verb.add_argument(
        "--format", metavar="NAME", help="see `edgebench formats` (default: terminal)"
    )
    verb.add_argument(
        "--json",
        action="store_const",
        dest="format",
        const="json",
        help="the same as --format json",
    )


def positive(text: str) -> int:
    """Read a whole number from 1 on; raises ArgumentTypeError."""
    number = natural(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def natural(text: str) -> int:
    """Read a whole number from 0 on; raises ArgumentTypeError."""
    if not text.isdecimal():
        message = f"expected a whole number, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
