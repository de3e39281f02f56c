"""A digest as JSON, for whatever `on_finish:` runs; docs/nightly.md describes it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from harness.report.digest.values import FORMAT, VERSION, Digest


def as_json(digest: Digest) -> str:
    """Return the whole digest as one JSON object in ASCII, with its newline."""
    record: dict[str, Any] = {"format": FORMAT, "version": VERSION, "red": digest.red}
    record["sessions"] = [
        {"red": session.red, **dataclasses.asdict(session)} for session in digest.sessions
    ]
    record["unreadable"] = [dataclasses.asdict(each) for each in digest.unreadable]
    # Escaped: a name out of a damaged file may hold what no encoding takes.
    return json.dumps(record, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
