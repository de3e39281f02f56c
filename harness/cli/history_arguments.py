"""The arguments of the verbs that look back over all result folders."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from harness.cli.argument_parts import Verbs, add_format, add_only, add_verb, positive


def history_verbs(verbs: Verbs) -> None:
    """Add index, history and regressions."""
    index = add_verb(verbs, "index", "index", "bring the index of all result folders up to date")
    index.add_argument(
        "--rebuild", action="store_true", help="read every folder again, changed or not"
    )
    _add_results(index)
    add_format(index)
    history = add_verb(verbs, "history", "history", "show a cell session by session")
    history.add_argument(
        "cell",
        metavar="CELL",
        help="such as model=blazeface,target=chromium,variant=simd, or a label as tables have it: "
        "'blazeface/fp32 on chromium/simd'",
    )
    history.add_argument(
        "--metric", metavar="NAME", help="instead of the statistic that times are compared by"
    )
    history.add_argument(
        "--last",
        type=positive,
        metavar="N",
        help="sessions to show; change points are all shown (default: 30 at a terminal, else all)",
    )
    _add_results(history)
    add_format(history)
    regressions = add_verb(
        verbs, "regressions", "regressions", "list what became worse, since when, and what changed"
    )
    regressions.add_argument(
        "--since",
        type=_day,
        metavar="DATE",
        help="only what was seen in a session of that day (UTC) or later, such as 2026-11-20",
    )
    regressions.add_argument(
        "--improvements", action="store_true", help="list what became better too"
    )
    add_only(regressions)
    _add_results(regressions)
    add_format(regressions)


def _add_results(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where the result folders lie (default: results)",
    )


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        message = f"expected a day such as 2026-11-20, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
