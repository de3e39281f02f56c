"""The morning page is never too long, shows names as names, and is what its documentation says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from unicodedata import category

import pytest
import report_folders as made
from digest_nights import SIMD, SLOWER, gate_of, night, with_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness import cli, store
from harness.model import (
    Cell,
    MergedSession,
    ResultFolder,
    RunResult,
    ShardRecord,
)
from harness.report.digest.as_json import as_json
from harness.report.digest.page import markdown, terminal
from harness.report.digest.sessions import digest_session
from harness.report.digest.values import (
    Change,
    DeviceSeen,
    Digest,
    Finding,
    LaneHours,
    SessionDigest,
    Trouble,
    Unreadable,
    Verdicts,
)
from harness.store.gate_record import (
    GATE,
    Judgement,
    gate_to_bytes,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "nightly.md"
ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


names = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("\n\r\x1b\u202e\ud800#*_`[](){}<>|&-")),
    max_size=30,
)
cells = st.builds(Cell, names, names, names, names)
scalars = st.one_of(st.none(), names, st.integers(), st.booleans(), st.just("a" * 64))


@st.composite
def session_digests(draw: st.DrawFn) -> SessionDigest:
    def some(strategy: st.SearchStrategy[Any], most: int = 60) -> tuple[Any, ...]:
        # Drawn once and repeated: what counts is how many there are.
        one = draw(st.lists(strategy, max_size=2))
        return tuple(one * draw(st.integers(0, most))) if one else ()

    return SessionDigest(
        suite=draw(names),
        folder=draw(names),
        label=draw(names),
        started_utc=draw(names),
        cells=draw(st.integers(0, 10**6)),
        complete=0,
        runs=0,
        measured=0,
        verdicts=draw(
            st.none() | st.builds(Verdicts, counts=st.dictionaries(names, st.integers(0, 9)))
        ),
        devices=some(st.builds(DeviceSeen, target=names, bench=names, device=names, why=names)),
        findings=some(
            st.builds(
                Finding,
                target=names,
                cells=st.lists(cells, max_size=5).map(tuple),
                why=names.map(lambda name: name * 20),
                next_step=names.map(lambda name: name * 40),
            )
        ),
        lanes=some(
            st.builds(
                LaneHours, bench=names, measuring_s=st.floats(0, 1e6), span_s=st.floats(0, 1e6)
            )
        ),
        changes=some(
            st.builds(
                Change,
                bench=names,
                targets=st.lists(names, max_size=2).map(tuple),
                factor=names,
                fact=names,
                before=scalars,
                now=scalars,
                since=names,
            )
        ),
    )


digests = st.builds(
    lambda sessions, times, unreadable, folders: Digest(
        tuple(sessions * times), tuple(unreadable * folders)
    ),
    st.lists(session_digests(), max_size=3),
    st.integers(0, 40),
    st.lists(st.builds(Unreadable, names, names, names), max_size=1),
    st.integers(0, 60),
)


@settings(deadline=None, max_examples=40)
@given(digests)
def test_a_page_has_at_most_forty_lines_and_steers_no_terminal(digest: Digest) -> None:
    for text in (terminal(digest), markdown(digest)):
        lines = text.split("\n")
        assert len(lines) - 1 <= 40
        assert lines[-1] == ""
        assert not {category(character) for line in lines for character in line} & ACTING


@settings(deadline=None, max_examples=25)
@given(session_digests())
def test_json_is_whole_and_plain_ascii_whatever_the_names(session: SessionDigest) -> None:
    digest = Digest((session,), (Unreadable(session.folder, session.suite, session.label),))
    read = json.loads(as_json(digest).encode("ascii"))
    assert (read["format"], read["version"], read["red"]) == ("edgebench-digest", 1, digest.red)
    assert [len(each["findings"]) for each in read["sessions"]] == [
        len(session.findings) for session in digest.sessions
    ]


@settings(deadline=None, max_examples=40)
@given(names)
def test_a_name_makes_no_markup_in_markdown(name: str) -> None:
    session = replace(digest_session(night(), None, ()), suite=f"a{name}b", label=f"a{name}b")
    html = MarkdownIt("commonmark", {"html": True}).render(markdown(Digest((session,))))
    assert not any(tag in html for tag in ("<a", "<em", "<strong", "<code", "<img", "<script"))


def test_a_crowded_page_keeps_what_is_red_and_counts_what_it_leaves_out() -> None:
    one = digest_session(night(outcomes={SIMD: made.failed()}), None, ())
    crowded = replace(
        one,
        findings=one.findings * 50,
        devices=one.devices * 50,
        lanes=one.lanes * 50,
    )
    page = terminal(Digest((crowded,))).splitlines()
    assert len(page) == 40
    assert "  wrong: 50 failed" in page
    assert "  devices: 50 present" in page
    assert sum(line.startswith("      next: ") for line in page) >= 4
    assert sum(line.strip().startswith("and ") for line in page) == 3


def test_of_many_suites_the_red_ones_are_told_and_the_green_ones_have_a_line_each() -> None:
    green = digest_session(night(), None, ())
    red = digest_session(night(outcomes={SIMD: made.failed()}), None, ())
    page = terminal(Digest((*[green] * 20, red))).splitlines()
    assert len(page) <= 40
    assert page[0] == "Digest of 21 sessions: 1 RED"
    assert page[1].startswith("quickstart: RED, session of")
    assert any("next: raise timeout_s" in line for line in page)
    assert page[-1] == "quickstart: green, 6 of 6 cells complete, 2.40 min"
    page = terminal(Digest((*[green] * 200, red))).splitlines()
    assert (len(page), page[-1]) == (40, "and 163 sessions more")


# The verb


def kept(folder: ResultFolder, path: Path) -> Path:
    with store.create(path, folder.session, "suite: quickstart\n") as writer:
        for run in folder.runs:
            writer.append(run)
    return path


def test_the_verb_takes_the_latest_session_of_each_suite_and_tells_red_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(night(outcomes={SIMD: made.failed()}), tmp_path / "results" / "quickstart" / "1")
    kept(night("2026-11-25T01:30:00+00:00"), tmp_path / "results" / "quickstart" / "2")
    other = night("2026-11-20T01:30:00+00:00", suite="other")
    kept(other, tmp_path / "results" / "other" / "1")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["digest"]) == 0
    said = capsys.readouterr().out
    assert "Digest of 2 sessions: all green" in said
    assert cli.main(["digest", "results/quickstart/1", "--json"]) == 1
    [session] = json.loads(capsys.readouterr().out)["sessions"]
    assert session["red"]
    assert session["compared_with"] == ""
    assert cli.main(["digest", "results/quickstart/2", "--format", "markdown"]) == 0
    assert "nothing known changed since the session of 2026-11-24" in capsys.readouterr().out


def test_shards_of_one_plan_stand_beside_each_other_until_they_are_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [
        night(f"2026-11-2{day}T01:3{index}:00+00:00", label=f"m{index}", shard=shard_of(index))
        for day in (4, 5)
        for index in (1, 2)
    ]
    for number, each in enumerate(shards):
        kept(each, tmp_path / str(number))
    assert cli.main(["digest", str(tmp_path), "--json"]) == 0
    sessions = json.loads(capsys.readouterr().out)["sessions"]
    assert [session["started_utc"][:16] for session in sessions] == [
        "2026-11-25T01:31",
        "2026-11-25T01:32",
    ]
    assert [Path(session["compared_with"]).name for session in sessions] == ["0", "1"]
    assert not any(session["findings"] for session in sessions)
    parts = tuple(MergedSession(each.session, ()) for each in shards[2:])
    kept(night("2026-11-25T01:31:00+00:00", label="merged", merged=parts), tmp_path / "merged")
    assert cli.main(["digest", str(tmp_path), "--json"]) == 0
    [session] = json.loads(capsys.readouterr().out)["sessions"]
    assert session["label"] == "merged"


def shard_of(index: int) -> ShardRecord:
    return ShardRecord(index, 2, {"host": 1, "phone:ab": 2}, ("chromium",))


def test_a_folder_that_cannot_be_read_is_red_and_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(night(), tmp_path / "good" / "1")
    (kept(night(suite="bad"), tmp_path / "bad" / "1") / "session.json").write_text("{")
    (tmp_path / "good" / "1" / GATE).write_text("{}")
    assert cli.main(["digest", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "bad/1: RED, cannot be read" in said
    assert "this is not the record of a gate" in said
    assert "quickstart: green" in said


def test_the_record_of_a_gate_is_found_in_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = gate_of(SLOWER, confirmation="fresh")
    (kept(night(), tmp_path / "1") / GATE).write_bytes(gate_to_bytes(record))
    kept(night("2026-11-24T03:30:00+00:00"), tmp_path / "1" / "fresh")
    assert cli.main(["digest", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "regressed chromium, blazeface/fp32 simd" in said
    assert "72 runs on chromium" in said
    assert "session of 2026-11-24 01:30" in said


def test_nothing_to_tell_of_is_an_error_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["digest"]) == 4
    assert capsys.readouterr().out == ""


def documented_night() -> SessionDigest:
    """A night in which a phone was away, beside the night before."""
    pixel = replace(made.DEVICE, name="pixel", bench="phone:1a2b3c4d", virtual=False)

    def session(day: int, browser: str, *, away: bool) -> ResultFolder:
        record = made.session(
            targets=(made.CHROMIUM, pixel),
            suite="nightly",
            label="bench-7",
            memory_runs=0,
            started_utc=f"2026-11-{day}T01:30:00+00:00",
            command=("edgebench", "gate", "nightly.yaml"),
        )
        path = f"results/nightly/2026-11-{day}T013000Z_bench-7"
        lost = made.skipped() if away else made.times(0.01)
        folder = made.folder(
            record, lambda cell, _: lost if cell.target == "pixel" else made.times(0.01), path=path
        )

        def placed(run: RunResult) -> RunResult:
            phone = run.cell.target == "pixel"
            minute = 30 + 4 * run.block
            named = {} if phone and away else {"device": "Pixel 8"} if phone else run.setting
            return replace(
                run,
                bench=pixel.bench if phone else "host",
                started_utc=f"2026-11-{day}T01:{minute}:00.000+00:00",
                duration_s=0.0 if phone and away else 18.0,
                setting=named,
                subject=run.subject if phone else {**run.subject, "browser": browser},
            )

        return with_runs(folder, placed)

    before = session(24, "chromium 155.0.7990.2", away=False)
    tonight = session(25, "chromium 156.0.8078.79", away=True)
    gate = gate_of(
        *(
            Judgement(cell, "outcome", "missing" if cell.target == "pixel" else "unchanged")
            for cell in tonight.session.cells
        ),
        why_not_moved="4 verdicts of it are red",
    )
    return digest_session(tonight, gate, (before,))


def test_the_documentation_shows_a_page_as_it_is() -> None:
    documented = DOCUMENT.read_text(encoding="utf-8")
    assert f"```\n{terminal(Digest((documented_night(),)))}```\n" in documented


def test_the_documentation_says_what_each_trouble_means() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    named = {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert set(get_args(Trouble)) <= named


def test_the_documentation_names_every_field_of_the_json() -> None:
    documented = DOCUMENT.read_text(encoding="utf-8")
    for kind in (
        Digest,
        SessionDigest,
        DeviceSeen,
        Finding,
        LaneHours,
        Change,
        Verdicts,
        Unreadable,
    ):
        for name in kind.__dataclass_fields__:
            assert f"`{name}`" in documented, f"{kind.__name__}.{name}"
