"""The arguments of plans that several machines share, and of putting their results together."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from harness.cli.argument_parts import Verbs, add_verb


def add_shard(verb: argparse.ArgumentParser) -> None:
    """Add `--shard`."""
    verb.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="only the I-th of N parts of the plan: whole benches, about as long for each part",
    )


def merging_verb(verbs: Verbs) -> None:
    """Add merge."""
    merge = add_verb(
        verbs, "merge", "merge", "put the result folders of one plan's shards together"
    )
    merge.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    merge.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the merged folder: a new one, or one that was merged before, which grows",
    )


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    index, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= index <= count:
        message = f"expected I/N with I from 1 to N, such as 1/3, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return index, count
