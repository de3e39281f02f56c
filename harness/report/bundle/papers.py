"""What stands beside the results in a bundle: what it is, how to check it, how to cite it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness.counted import counted
from harness.model import ResultFolder
from harness.report.methods import methods
from harness.table_text.markdown import in_markdown

README, CITATION, SUMS, TABLES = "README.md", "CITATION.cff", "SHA256SUMS", "tables.md"
_METHODS = """
## Methods

{}
"""
_NOBODY = "The authors of these measurements"


@dataclass(frozen=True, slots=True)
class Cited:
    """How a bundle is cited: its title and authors, '' and () where nobody said."""

    title: str = ""
    authors: tuple[str, ...] = ()


def title_of(cited: Cited, folders: Sequence[ResultFolder]) -> str:
    """Return the title that was given, or one of the suites and the days they were run."""
    if cited.title:
        return cited.title
    suites = ", ".join(dict.fromkeys(folder.session.suite for folder in folders))
    return f"Benchmark results of {suites}, {_days(folders)}"


def readme(
    cited: Cited, folders: Sequence[ResultFolder], version: str, *, include_virtual: bool
) -> str:
    """Return the README of a bundle."""
    runs = sum(len(folder.runs) for folder in folders)
    listed = "\n".join(
        f"- results/{in_markdown(folder.path)}: suite {in_markdown(folder.session.suite)}, "
        f"{counted(len(folder.runs), 'run')}, begun {folder.session.started_utc[:16]}Z"
        for folder in folders
    )
    told = methods(folders, include_virtual=include_virtual)
    paragraphs = "\n\n".join(map(in_markdown, told.strip().split("\n\n")))
    return f"""# {in_markdown(title_of(cited, folders))}

{counted(runs, "run")} of {counted(len(folders), "session")} of edgebench, bundled by edgebench
{version}.

{listed}

- `{TABLES}`: the tables, made from the folders below `results/` alone.
- `results/*/runs.jsonl`: one line per run; `raw/<run>/`: what the tool or the page said.
- `results/*/bundle.json`: hashes of the originals. Names of machines and users, serials and paths
  were taken out of every file; the hashes in `runs.jsonl` are of the files as they are here.
- `{SUMS}`: `sha256sum -c {SUMS}` checks that all of it is as it was bundled.
- `{CITATION}`: how to cite it.

`edgebench verify results` reads every run again from its raw files, and `edgebench table results`
makes the tables anew.
{_METHODS.format(paragraphs) if told else ""}"""


def citation(cited: Cited, folders: Sequence[ResultFolder]) -> str:
    """Return a Citation File Format 1.2.0 document; a JSON string is one of YAML too."""
    authors = cited.authors or (_NOBODY,)
    listed = "".join(f"  - name: {json.dumps(name, ensure_ascii=False)}\n" for name in authors)
    title = json.dumps(title_of(cited, folders), ensure_ascii=False)
    return (
        "cff-version: 1.2.0\n"
        'message: "If you use these measurements, please cite them as below."\n'
        "type: dataset\n"
        f"title: {title}\n"
        f"authors:\n{listed}"
        f'date-released: "{max(_measured_on(folder) for folder in folders)}"\n'
        "keywords: [benchmark, latency, edgebench]\n"
    )


def sums(folder: Path) -> str:
    """Return the lines that `sha256sum -c` reads, of all files below a folder but itself."""
    lines = (
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != SUMS
    )
    return "".join(lines)


def _days(folders: Sequence[ResultFolder]) -> str:
    days = sorted({_measured_on(folder) for folder in folders})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _measured_on(folder: ResultFolder) -> str:
    return folder.session.started_utc[:10]
