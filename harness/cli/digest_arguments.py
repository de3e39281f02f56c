"""The arguments of `edgebench digest`."""

from __future__ import annotations

from pathlib import Path

from harness.cli.argument_parts import Verbs, add_verb


def digest_verbs(verbs: Verbs) -> None:
    """Add digest."""
    digest = add_verb(
        verbs, "digest", "digest", "print the morning page: what is wrong, and the next step for it"
    )
    digest.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=[Path("results")],
        metavar="DIR",
        help="result folders; of a folder of them, the latest session of each suite "
        "(default: results)",
    )
    shape = digest.add_mutually_exclusive_group()
    shape.add_argument(
        "--format",
        choices=("terminal", "markdown", "json"),
        default="terminal",
        help="(default: terminal)",
    )
    shape.add_argument(
        "--json",
        action="store_const",
        dest="format",
        const="json",
        help="the same as --format json: docs/nightly.md",
    )
