"""The arguments of the verbs that read result folders."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.argument_parts import Verbs, add_format, add_only, add_verb


def reading_verbs(verbs: Verbs) -> None:
    """Add table, compare and verify."""
    table = add_verb(verbs, "table", "table", "print the tables of result folders")
    table.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    table.add_argument(
        "--ops",
        action="store_true",
        help="where the time goes by operator, variants side by side (needs `profile: ops`)",
    )
    _add_family_wise(table)
    add_only(table)
    add_format(table)
    compare = add_verb(verbs, "compare", "compare", "set result folders against the first of them")
    compare.add_argument(
        "sides", nargs="+", metavar="DIR[@WORD=NAME,…]", help="a folder, or some of its cells"
    )
    compare.add_argument(
        "--factor",
        action="append",
        default=[],
        choices=("tool", "model", "tfjs", "browser", "os", "device"),
        help="what may differ (default: a single factor, which is named); may be repeated",
    )
    compare.add_argument(
        "--comment",
        action="store_true",
        help="print the body of a pull request's comment: changes on top, the rest folded",
    )
    _add_family_wise(compare)
    add_format(compare)
    verify = add_verb(verbs, "verify", "verify", "check result folders against their raw files")
    verify.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    add_format(verify)


def _add_family_wise(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--family-wise",
        action="store_true",
        help="have all faster and slower of a table hold together (Holm), not each alone",
    )


def publishing_verbs(verbs: Verbs) -> None:
    """Add export and publish."""
    export = add_verb(verbs, "export", "export", "write measured cells for other tools to take in")
    export.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    export.add_argument(
        "--format",
        required=True,
        metavar="NAME",
        help="bencher, github-action-benchmark, google-benchmark, junit, openmetrics or tidy-csv",
    )
    export.add_argument(
        "--include-virtual", action="store_true", help="cells of virtual devices too"
    )
    add_only(export)
    publish = add_verb(verbs, "publish", "publish", "write result folders as a static site")
    publish.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    publish.add_argument("--out", type=Path, metavar="SITE", help="the folder of the site")
    publish.add_argument(
        "--history",
        type=Path,
        metavar="RESULTS",
        help="with the course of each cell over all result folders below RESULTS, and its changes",
    )
    publish.add_argument(
        "--into",
        type=Path,
        metavar="FILE.md",
        help="replace what stands between <!-- edgebench:NAME:begin --> and …:end --> in a file",
    )
    publish.add_argument(
        "--marker", default="results", metavar="NAME", help="of --into (default: results)"
    )
    publish.add_argument(
        "--methods", action="store_true", help="print the methods paragraph of a paper or a post"
    )
    publish.add_argument(
        "--include-virtual",
        action="store_true",
        help="cells of virtual devices too, in a section of their own; else they are counted",
    )
