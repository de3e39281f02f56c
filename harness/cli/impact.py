"""`edgebench impact sha256:…`: everything that used a model, a tool, a runtime or a reader."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import store
from harness.cli import say
from harness.cli.printing import print_tables
from harness.counted import counted
from harness.errors import EXIT_FINDINGS, EXIT_OK, EXIT_STORE, StoreError, SuiteError
from harness.history.database import Database, IndexBusy, IndexRefused
from harness.history.refresh import ask_index, problems
from harness.history.used_in import places_using
from harness.plan import own_cell
from harness.report.impact import Concerned, PublishedTable, Using, impact_tables
from harness.store.folder import RUNS, SESSION
from harness.store.gate_record import GATE, GateRecord, Judgement, read_gate_as_written
from harness.store.marking import add_mark
from harness.store.marks import Standing, read_marks, standing_reasons
from harness.store.publications import read_publications
from harness.store.used import Used, parse_used, roles, whole_names

STALE = "stale: the folder says something else now"


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0, 1 if there is nothing to mark, 4 if a mark cannot be kept."""
    asked = parse_used(arguments.used)
    found = store.find_folders([arguments.results])
    paths = _naming(arguments.results, asked, found)
    used = _whole(asked, paths)
    concerned = [each for path in paths if (each := _concerned(path, used))]
    marking = arguments.mark_invalid is not None or arguments.withdraw is not None
    if not concerned:
        say(f"nothing in {counted(len(found), 'result folder')} used {used}")
        return EXIT_FINDINGS if marking else EXIT_OK
    code = EXIT_OK
    if marking:
        code = _mark(used, concerned, arguments)
        concerned = [each for path in paths if (each := _concerned(path, used))]
    print_tables(impact_tables(str(used), concerned, each_run=arguments.runs), arguments.format)
    if marking:
        _say_what_is_stale(concerned)
    return code


def _naming(results: Path, asked: Used, found: Sequence[Path]) -> list[Path]:
    """Return the folders that can have to do with this, of whose runs the index tells.

    Where there can be no index, as in a single result folder, the runs themselves are looked
    through, and so are those of a folder that the index could not read.
    """

    def ask(index: Database) -> tuple[frozenset[str], frozenset[str]]:
        unread = frozenset(each.place for each in problems(index))
        return places_using(index, asked.digits), unread

    using = unread = frozenset[str]()
    indexed = results not in found
    if indexed:
        try:
            using, unread = ask_index(results, ask, say, whole=True)
        except (IndexBusy, IndexRefused):
            indexed = False
    naming = []
    for path in found:
        place = path.relative_to(results).as_posix()
        names = (SESSION, GATE) if indexed and place not in unread else (SESSION, RUNS, GATE)
        if place in using or _may_name(path, asked, names):
            naming.append(path)
    return naming


def _whole(asked: Used, paths: Sequence[Path]) -> Used:
    """Return what is meant with all its digits; as it was asked where nothing has it."""
    if asked.whole:
        return asked
    names: set[str] = set()
    for path in paths:
        folder = store.read_as_written(path)
        names |= whole_names(asked, folder.session, folder.runs)
        names |= {build for build in _builds(path) if build.startswith(asked.digits)}
    if len(names) > 1:
        told = ", ".join(sorted(names))
        raise SuiteError(f"{asked} is not one thing: {told}", hint="name more of its digits")
    return Used(asked.kind, names.pop()) if names else asked


def _concerned(path: Path, used: Used) -> Concerned | None:
    folder = store.read(path)
    runs = [Using(run, own) for run in folder.runs if (own := roles(used, folder.session, run))]
    gate = read_gate_as_written(path)
    verdicts = _verdicts(gate, used, runs)
    if not runs and not verdicts:
        return None
    return Concerned(
        folder=str(path),
        begun_utc=folder.session.started_utc,
        runs=tuple(runs),
        decided_utc=gate.decided_utc if gate else "",
        verdicts=verdicts,
        published=tuple(_published(path)),
        marked=standing_reasons(read_marks(path)).get(used, ""),
    )


def _may_name(path: Path, used: Used, names: Sequence[str]) -> bool:
    """Tell without parsing anything whether any of these files can have to do with this."""
    digits = used.digits.encode()
    return any(digits in (path / name).read_bytes() for name in names if (path / name).is_file())


def _builds(path: Path) -> tuple[str, ...]:
    gate = read_gate_as_written(path)
    return (gate.candidate, gate.last_good) if gate else ()


def _verdicts(gate: GateRecord | None, used: Used, runs: Sequence[Using]) -> tuple[Judgement, ...]:
    if gate is None:
        return ()
    if used.digits in (gate.candidate, gate.last_good):
        return gate.judgements
    cells = {own_cell(using.run.cell) for using in runs}
    return tuple(each for each in gate.judgements if each.cell in cells)


def _published(path: Path) -> Iterator[PublishedTable]:
    for each in read_publications(path):
        there = (path / each.to).exists()
        standing = ("as the folder is" if each.is_current(path) else STALE) if there else "gone"
        yield PublishedTable(
            each.place(path), each.published_utc, standing, shlex.join(each.command(path))
        )


def _mark(used: Used, concerned: Sequence[Concerned], arguments: argparse.Namespace) -> int:
    """Mark every folder, or withdraw that; one that cannot be marked does not keep the others."""
    withdrawn = arguments.withdraw is not None
    reason = arguments.withdraw if withdrawn else arguments.mark_invalid
    marked, refused = 0, 0
    for each in concerned:
        try:
            standing: Standing = "withdrawn" if withdrawn else "invalid"
            marked += add_mark(Path(each.folder), used, standing, reason)
        except StoreError as error:
            refused += 1
            say(f"edgebench: not marked: {error}")
            say(f"  next step: {error.hint}, then the same command again")
    before = len(concerned) - marked - refused
    what = "mark withdrawn" if withdrawn else "marked invalid"
    say(
        f"{what} in {counted(marked, 'result folder')}"
        + (f"; {counted(before, 'folder')} said so already" if before else "")
    )
    return EXIT_STORE if refused else EXIT_OK


def _say_what_is_stale(concerned: Sequence[Concerned]) -> None:
    pages = [page for each in concerned for page in each.published if page.standing == STALE]
    commands = dict.fromkeys(page.command for page in pages)
    if commands:
        say(f"{counted(len(commands), 'published table')} stale; publish again:")
    for command in commands:
        say(f"  {command}")
