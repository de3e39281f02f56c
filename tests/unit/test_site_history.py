"""A site's courses out of the index: changes with their intervals, nights that lead to their runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from published_sites import Page, dead_links
from report_folders import CHROMIUM, folder, session, times

from harness import store
from harness.cli import main
from harness.model import Cell, Outcome, ResultFolder

BEFORE, AFTER = 14, 5


def night(day: int) -> ResultFolder:
    """Return a night of one browser; from the fifteenth on its SIMD is a third slower."""
    target = replace(CHROMIUM, variants=("plain", "simd"), ratios=(("simd", "plain"),))
    record = session((target,), ("m",), blocks=2, started_utc=f"2026-11-{day:02d}T02:00:00+00:00")
    late = day > BEFORE

    def outcome_of(cell: Cell, block: int) -> Outcome:
        slower = 1.33 if late and cell.variant == "simd" else 1.0
        return times(0.01 * slower * (1 + (day % 3 + block) / 500))

    made = folder(record, outcome_of)
    tfjs = "4.23.0" if late else "4.22.0"
    return replace(
        made, runs=tuple(replace(r, subject={**r.subject, "tfjs": tfjs}) for r in made.runs)
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("results")
    for day in range(1, BEFORE + AFTER + 1):
        made = night(day)
        with store.create(top / "nightly" / f"night-{day:02d}", made.session, "suite: s\n") as w:
            for run in made.runs:
                w.append(run)
    return top


def published(results: Path, out: Path, *folders: str) -> dict[str, str]:
    named = [str(results / "nightly" / name) for name in folders]
    command = ["publish", *named, "--out", str(out), "--history", str(results)]
    assert main(command) == 0
    return {
        file.relative_to(out).as_posix(): file.read_text()
        for file in out.rglob("*")
        if file.is_file()
    }


def test_a_lasting_change_has_its_date_its_interval_and_what_was_new(
    results: Path, tmp_path: Path
) -> None:
    files = published(results, tmp_path / "site", "night-19")
    assert dead_links(files) == []
    courses = {p: text for p, text in files.items() if p.startswith("history/")}
    assert len(courses) == 2
    (changed,) = [text for text in courses.values() if ">Lasting changes of latency p50<" in text]
    assert "<title>m/fp32 on chromium, simd: over nights</title>" in changed
    row = changed.partition(">since")[2].partition("</table>")[0]
    assert "2026-11-15" in row
    assert "+33.0 % [+3" in row
    assert "tfjs 4.22.0 → 4.23.0" in row
    assert "2026-11-15: +33" in files["index.html"]


def test_nights_of_published_folders_lead_to_their_runs_and_others_name_their_folder(
    results: Path, tmp_path: Path
) -> None:
    files = published(results, tmp_path / "site", "night-18", "night-19")
    course = next(text for place, text in files.items() if place.startswith("history/"))
    assert sum("../cells/" in address for address in set(Page(course).links)) == 2
    assert "nightly/night-03" in course
    assert "publish the named folder to see their runs" in course


def test_the_page_of_a_course_is_the_same_whichever_night_is_published(
    results: Path, tmp_path: Path
) -> None:
    pages = [
        {p for p in published(results, tmp_path / name, name) if p.startswith("history/")}
        for name in ("night-10", "night-19")
    ]
    assert pages[0] == pages[1]


def test_a_history_that_the_folder_is_not_part_of_is_refused(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = str(results / "nightly" / "night-19")
    out = str(tmp_path / "site")
    asked = ["publish", folder, "--out", out, "--history", str(tmp_path / "elsewhere")]
    assert main(asked) == 2
    assert "none of these folders lies below it" in capsys.readouterr().err
