"""The arguments of `edgebench gate`, and of `edgebench plan` where it plans one."""

from __future__ import annotations

import argparse
from pathlib import Path

LAST_GOOD = "last-good"


def add_against(verb: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add what a suite is measured beside; `default` is None where it is measured alone."""
    verb.add_argument(
        "--against",
        choices=(LAST_GOOD,),
        default=default,
        help="the build that stands in the same blocks (default: "
        + (f"{default})" if default else "none: as `edgebench run` would measure)"),
    )
    verb.add_argument(
        "--kept",
        type=Path,
        metavar="DIR",
        help="where builds are kept (default: results/<suite>/last-good)",
    )
    verb.add_argument(
        "--anyway", action="store_true", help="measure both builds even where they are identical"
    )


def add_decisions(verb: argparse.ArgumentParser) -> None:
    """Add what a person decides beside the gate."""
    verb.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="WORD=NAME,…",
        help="what changed in these cells is meant: it is told, and is not red",
    )
    verb.add_argument(
        "--pin-reference",
        action="store_true",
        help="if the night is green, pin its build as the reference that drift is measured from",
    )
    verb.add_argument(
        "--resume", type=Path, metavar="DIR", help="make DIR's missing runs, then decide"
    )
