"""The arguments of the verbs that follow results onward: what used what, and what became of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.argument_parts import Verbs, add_format, add_verb, positive


def lineage_verbs(verbs: Verbs) -> None:
    """Add impact, reread, prune and bundle."""
    _impact_verb(verbs)
    _reread_verb(verbs)
    _bundle_verb(verbs)
    text = "make room: remove the raw files of old sessions, and note that they were removed"
    prune = add_verb(verbs, "prune", "prune", text)
    prune.add_argument(
        "--raw-older-than",
        type=_days,
        required=True,
        metavar="N(d|w)",
        help="of sessions whose last run began so many days or weeks ago, such as 90d",
    )
    _add_results(prune)
    prune.add_argument("--dry-run", action="store_true", help="say what would go, remove nothing")
    add_format(prune)


def _impact_verb(verbs: Verbs) -> None:
    text = "list every run, verdict and published table that used a model, a tool or a reader"
    impact = add_verb(verbs, "impact", "impact", text)
    impact.add_argument(
        "used",
        metavar="sha256:…|commit:…",
        help="at least 8 digits of a hash as tables show it, or of a commit of edgebench",
    )
    _add_results(impact)
    impact.add_argument("--runs", action="store_true", help="a row per run, not per cell")
    marking = impact.add_mutually_exclusive_group()
    marking.add_argument(
        "--mark-invalid", metavar="REASON", help="from now on none of these runs has a number"
    )
    marking.add_argument(
        "--withdraw", metavar="REASON", help="take such a mark back: the runs count again"
    )
    add_format(impact)


def _reread_verb(verbs: Verbs) -> None:
    text = "read old captures again with this edgebench, into new result folders"
    reread = add_verb(verbs, "reread", "reread", text)
    reread.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    reread.add_argument(
        "--out", type=Path, metavar="DIR", help="the new folder (default: reread/<suite>/<name>)"
    )
    _add_why(reread)
    add_format(reread)


def _bundle_verb(verbs: Verbs) -> None:
    text = "put result folders into one archive to cite, without names, serials and paths"
    bundle = add_verb(verbs, "bundle", "bundle", text)
    bundle.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    bundle.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="a name ending in .tar.gz or .zip"
    )
    bundle.add_argument("--title", metavar="TEXT", help="of the citation (default: suites, days)")
    bundle.add_argument(
        "--author", action="append", default=[], metavar="NAME", help="may be repeated"
    )
    bundle.add_argument(
        "--hide",
        action="append",
        default=[],
        metavar="WORD",
        help="a further name to take out, such as that of the machine that measured",
    )
    bundle.add_argument(
        "--include-virtual", action="store_true", help="rows of virtual devices in its tables too"
    )


def backfill_verb(verbs: Verbs) -> argparse.ArgumentParser:
    """Add backfill, but for what it shares with the verbs that measure."""
    text = "measure an old folder's own suite again with other builds"
    backfill = add_verb(verbs, "backfill", "backfill", text)
    backfill.add_argument("folder", type=Path, metavar="DIR", help="the old result folder")
    backfill.add_argument(
        "--tool",
        action="append",
        default=[],
        metavar="NAME[/ABI]=PATH",
        help="the build that stands in the place of the suite's; may be repeated",
    )
    backfill.add_argument(
        "--runtime",
        type=Path,
        metavar="DIR",
        help="the node_modules with another version of TF.js, LiteRT.js or onnxruntime-web",
    )
    backfill.add_argument(
        "--beside",
        type=Path,
        metavar="DIR",
        help="where the suite stood: its relative paths count from there (default: the old folder)",
    )
    _add_why(backfill)
    backfill.add_argument("--dry-run", action="store_true", help="print the plan, measure nothing")
    add_format(backfill)
    return backfill


def _add_why(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--why", metavar="TEXT", help="the reason, which the new folder's tables say")


def _add_results(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where the result folders are (default: results)",
    )


def _days(text: str) -> int:
    """Read `90d` or `12w` as days, at least one; raises ArgumentTypeError."""
    unit = {"d": 1, "w": 7}.get(text[-1:])
    if unit is None:
        message = f"expected days or weeks, such as 90d or 12w, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return positive(text[:-1]) * unit
