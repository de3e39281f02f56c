"""What a site was made of, as `publication.json` in it says: folders, their hashes, what they used.

With it, whoever learns that a model or a tool was wrong finds the sites that show its numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from harness.model import ResultFolder
from harness.report.site.published_results import PublishedResults

PUBLICATION = "publication.json"
SCHEMA = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


def publication(of: PublishedResults) -> str:
    """Return the record as JSON text; the same results give the same text."""
    record = {
        "schema": SCHEMA,
        "kind": "site",
        "virtual_left_out": of.virtual_left_out,
        "folders": [
            {
                "folder": of.scrubber.text(each.results.path),
                "suite": each.results.session.suite,
                "label": each.results.session.label,
                "started_utc": each.results.session.started_utc,
                "sha256": dict(each.digests),
                "artifacts": sorted(set(_artifacts(each.results))),
            }
            for each in of.folders
        ],
    }
    return json.dumps(record, indent=1) + "\n"


def _artifacts(folder: ResultFolder) -> Iterator[str]:
    for run in folder.runs:
        yield from (v for v in run.subject.values() if isinstance(v, str) and _SHA256.fullmatch(v))
    for facts in folder.session.models.values():
        yield from (v for v in facts.values() if isinstance(v, str) and _SHA256.fullmatch(v))
