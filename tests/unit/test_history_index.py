"""The index says what the folders say, by whichever way it came to it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from history_folders import (
    EVERY,
    ON_DEVICE,
    PLAIN,
    SIMD,
    three,
    with_setting,
    with_subject,
    write_night,
    write_nights,
)
from report_folders import failed, memory, times

from harness import store
from harness.errors import StoreError
from harness.history.database import PLACE, Database
from harness.history.refresh import ask_index, opened, problems, rebuild, refresh
from harness.history.series import Series, known_cells, read_changed, read_series
from harness.history.used_in import places_using
from harness.model import Lineage, RunResult
from harness.report.summary import summarise
from harness.selection import parse_selection
from harness.store.marking import add_mark
from harness.store.merging import merge
from harness.store.used import parse_used
from harness.twin_names import twin_name


def everything(index: Database) -> list[Series]:
    return list(read_series(index))


def histories_of(metric: str, index: Database) -> list[Series]:
    return list(read_series(index, metric=metric))


def told(results: Path) -> tuple[list[Series], list[str]]:
    said: list[str] = []
    return ask_index(results, everything, said.append), said


def dump(results: Path) -> dict[str, list[Any]]:
    """What the index says, without ids."""
    with opened(results, print) as index:
        return {
            "series": everything(index),
            "changed": list(read_changed(index)),
            "problems": list(problems(index)),
            "folders": sorted(index.rows("SELECT path, suite, started_utc, runs FROM folders")),
            "uses": sorted(
                index.rows(
                    "SELECT digits, path FROM uses JOIN hashes ON hashes.id = hash "
                    "JOIN folders ON folders.id = folder"
                )
            ),
        }


def test_a_history_has_the_medians_that_tables_have(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003, 0.0031, 0.0029])
    found, _ = told(tmp_path)
    by_cell = {series.key.cell: series for series in found}
    folders = store.find_folders([tmp_path])
    for night, path in enumerate(folders):
        for cell in summarise([store.read(path)]):
            if cell.time:
                point = by_cell[cell.cell].points[night]
                assert (point.n, point.median) == (cell.time.n, cell.time.median)
                assert (point.low, point.high) == (cell.time.low, cell.time.high)


def test_later_attempts_and_replaced_blocks_count_as_in_tables(tmp_path: Path) -> None:
    path = write_night(
        tmp_path,
        0,
        {SIMD: [times(0.003), failed(), times(0.0031)]},
        blocks=3,
        disturbed_above=0.15,
        replace_disturbed=1,
    )
    folder = store.read(path)
    retried = replace(folder.runs[1], outcome=times(0.0032), attempt=2, run_id="again")
    disturbed = replace(
        folder.runs[0],
        attempt=2,
        outcome=times(0.009),
        conditions={**folder.runs[0].conditions, "disturbed": True},
    )
    replacing = replace(folder.runs[0], block=4, outcome=times(0.0033), run_id="block4")
    with store.Writer(path) as writer:
        for run in (retried, disturbed, replacing):
            writer.append(run)
    (series,), _ = told(tmp_path)
    (cell,) = [c for c in summarise([store.read(path)]) if c.time]
    assert cell.time is not None
    assert series.points[0].n == cell.time.n == 3
    assert series.points[0].median == cell.time.median == 0.0032


def test_an_index_kept_up_to_date_says_what_one_made_anew_says(tmp_path: Path) -> None:
    levels = [0.003] * 14 + [0.0036] * 4
    for night, level in enumerate(levels):
        write_night(tmp_path, night, dict.fromkeys(EVERY, three(level)))
        told(tmp_path)
    kept = dump(tmp_path)
    rebuild(tmp_path, print)
    assert dump(tmp_path) == kept
    assert [change.at for series in kept["changed"] for change in series.changes] == [14, 14, 14]


def test_folders_may_come_in_any_order_and_go_again(tmp_path: Path) -> None:
    levels = [0.003] * 14 + [0.0036] * 4
    write_nights(tmp_path, levels)
    told(tmp_path)
    whole = dump(tmp_path)
    aside = tmp_path.parent / "aside"
    taken = sorted((tmp_path / "nightly").iterdir())[12]
    shutil.move(taken, aside)
    told(tmp_path)
    assert len(dump(tmp_path)["series"][0].points) == 17
    shutil.move(aside, taken)
    told(tmp_path)
    assert dump(tmp_path) == whole


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003] * 3)
    with opened(tmp_path, print) as index:
        assert refresh(index, tmp_path, print).taken_in == 3
        again = refresh(index, tmp_path, print)
        assert (again.taken_in, again.unchanged, again.gone) == (0, 3, 0)
        path = tmp_path / "nightly" / "2026-09-02_lab"
        with store.Writer(path) as writer:
            writer.append(replace(store.read(path).runs[0], block=9, run_id="more"))
        assert refresh(index, tmp_path, print).taken_in == 1


def test_a_damaged_folder_is_one_message_and_the_rest_is_read(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003, 0.0031, 0.0032])
    damaged = tmp_path / "nightly" / "2026-09-02_lab" / "runs.jsonl"
    lines = damaged.read_bytes().split(b"\n")
    damaged.write_bytes(b"\n".join([lines[0], b'{"schema": 1}', *lines[2:]]))
    found, said = told(tmp_path)
    assert [len(series.points) for series in found] == [2, 2, 2]
    (message,) = [text for text in said if "left out" in text]
    assert "2026-09-02_lab" in message
    # It is told once, stays listed, and is read again once it is mended.
    assert not [text for text in told(tmp_path)[1] if "left out" in text]
    with opened(tmp_path, print) as index:
        (problem,) = problems(index)
        assert "not a run" in problem.message
    damaged.write_bytes(b"\n".join(lines))
    found, _ = told(tmp_path)
    assert [len(series.points) for series in found] == [3, 3, 3]


@pytest.mark.parametrize("text", ["", "{", '{"schema": 99}', "[]"])
def test_a_damaged_session_is_a_message_too(tmp_path: Path, text: str) -> None:
    write_nights(tmp_path, [0.003, 0.0031])
    (tmp_path / "nightly" / "2026-09-01_lab" / "session.json").write_text(text)
    found, said = told(tmp_path)
    assert [len(series.points) for series in found] == [1, 1, 1]
    assert any("2026-09-01_lab is left out" in each for each in said)


def test_an_unterminated_last_line_is_not_yet_a_run(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003])
    path = tmp_path / "nightly" / "2026-09-01_lab" / "runs.jsonl"
    with path.open("ab") as file:
        file.write(path.read_bytes()[:100])
    found, _ = told(tmp_path)
    assert [series.points[0].n for series in found] == [3, 3, 3]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no database at all" * 500),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 60_000),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
)
def test_a_damaged_index_is_made_anew_by_itself(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    write_nights(tmp_path, [0.003, 0.0031])
    before, _ = told(tmp_path)
    spoil(tmp_path / PLACE)
    after, said = told(tmp_path)
    assert after == before
    assert sum("made anew" in text for text in said) <= 1


def test_an_index_of_another_version_is_made_anew_with_one_message(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003, 0.0031])
    before, _ = told(tmp_path)
    connection = sqlite3.connect(tmp_path / PLACE)
    connection.execute("PRAGMA user_version = 0")
    connection.execute('CREATE TABLE "an old table" (x)')
    connection.commit()
    connection.close()
    after, said = told(tmp_path)
    assert after == before
    assert sum("made anew" in text for text in said) == 1
    assert not [text for text in told(tmp_path)[1] if "made anew" in text]


def test_settings_metrics_and_virtual_devices_never_share_a_history(tmp_path: Path) -> None:
    write_night(tmp_path, 0, {SIMD: three(0.003)})
    write_night(tmp_path, 1, {SIMD: three(0.002)}, change=with_setting(threads=2))
    write_night(tmp_path, 2, {SIMD: three(0.004)}, change=with_setting(virtual=True))
    write_night(tmp_path, 3, {SIMD: three(0.003)})
    found, _ = told(tmp_path)
    assert sorted(len(series.points) for series in found) == [1, 1, 2]
    assert [series.key.virtual for series in found].count(True) == 1


def test_methods_of_memory_have_histories_of_their_own(tmp_path: Path) -> None:
    as_memory = lambda run: replace(run, pass_="memory")  # noqa: E731  a change of runs
    for night in range(2):
        outcomes = [memory(pss=4e6, peak_rss=9e6)]
        write_night(tmp_path, night, {ON_DEVICE: outcomes}, change=as_memory)
    for metric, value in (("pss", 4e6), ("peak_rss", 9e6)):
        (series,) = ask_index(tmp_path, partial(histories_of, metric), print)
        assert [point.median for point in series.points] == [value, value]
        assert series.key.unit == "B"


def test_the_mean_is_compared_where_a_session_has_no_median(tmp_path: Path) -> None:
    write_night(tmp_path, 0, {SIMD: three(0.003)})
    write_night(tmp_path, 1, {SIMD: [times(None, 0.0031)] * 3})
    (series,), _ = told(tmp_path)
    assert series.key.metric == "latency_mean"
    assert len(series.points) == 2


def test_changes_of_the_subject_are_marked_where_they_happen(tmp_path: Path) -> None:
    write_night(tmp_path, 0, {SIMD: three(0.003)})
    write_night(tmp_path, 1, {SIMD: three(0.003)}, change=with_subject(tfjs="4.23.0"))
    new_browser = with_setting(browser_name="chromium", device="Chromium 156 on this host")
    newer = with_setting(browser_name="chromium", device="Chromium 157 on this host")
    write_night(tmp_path, 2, {PLAIN: three(0.003)}, change=new_browser)
    write_night(tmp_path, 3, {PLAIN: three(0.003)}, change=newer)
    found, _ = told(tmp_path)
    marked = {
        (series.key.cell.variant, change.fact, change.before, change.now)
        for series in found
        for point in series.points
        for change in point.subject_changes
    }
    assert marked == {
        ("simd", "tfjs", "4.22.0", "4.23.0"),
        ("plain", "device", "Chromium 156 on this host", "Chromium 157 on this host"),
    }


def test_conditions_are_the_range_over_the_runs_that_count(tmp_path: Path) -> None:
    def warmer(run: RunResult) -> RunResult:
        return replace(run, conditions={"battery_c_begin": 20.0 + run.block, "governor": "walt"})

    write_night(tmp_path, 0, {SIMD: three(0.003)}, change=warmer)
    (series,), _ = told(tmp_path)
    assert series.points[0].conditions == {"battery_c_begin": (21.0, 23.0), "governor": ("walt",)}


def test_a_hash_leads_to_the_folders_with_a_run_that_used_it(tmp_path: Path) -> None:
    digest, other = "ab" * 32, "cd" * 32
    write_night(tmp_path, 0, {SIMD: three(0.003)}, change=with_subject(model_sha256=digest))
    write_night(tmp_path, 1, {SIMD: [failed()]}, change=with_subject(model_sha256=digest))
    write_night(tmp_path, 2, {SIMD: three(0.003)}, change=with_subject(model_sha256=other))
    by_hand = ("nightly/2026-09-01_lab", "nightly/2026-09-02_lab")
    for digits, places in (
        (digest, by_hand),
        (digest[:8], by_hand),
        (other, ("nightly/2026-09-03_lab",)),
        ("6895599aabbccdd", (*by_hand, "nightly/2026-09-03_lab")),
        ("00" * 32, ()),
    ):
        asked = partial(places_using, digits=digits)
        assert ask_index(tmp_path, asked, print) == frozenset(places)


def test_a_mark_of_invalidity_takes_the_numbers_out_of_a_history_until_it_is_withdrawn(
    tmp_path: Path,
) -> None:
    digest = "ab" * 32
    write_night(tmp_path, 0, {SIMD: three(0.003)})
    marked = write_night(tmp_path, 1, {SIMD: three(0.9)}, change=with_subject(tool_sha256=digest))
    told(tmp_path)
    used = parse_used(f"sha256:{digest}")
    add_mark(marked, used, "invalid", "built with asserts")
    (series,), _ = told(tmp_path)
    assert [(point.n, point.median) for point in series.points] == [(3, 0.003), (0, None)]
    assert series.points[1].invalid == "built with asserts"
    add_mark(marked, used, "withdrawn", "it was not")
    (series,), _ = told(tmp_path)
    assert [point.median for point in series.points] == [0.003, 0.9]


def test_a_folder_that_was_made_from_another_one_says_so(tmp_path: Path) -> None:
    lineage = Lineage("backfilled", "an_old_folder", "00", "a newer tool")
    write_night(tmp_path, 0, {SIMD: three(0.003)}, lineage=lineage)
    (series,), _ = told(tmp_path)
    assert series.points[0].marks == "backfilled"


def test_the_twins_of_a_gate_have_no_history_and_are_found_by_what_they_ran(tmp_path: Path) -> None:
    digest = "ab" * 32
    twin = replace(SIMD, target=twin_name(SIMD.target, "last good"))
    write_night(tmp_path, 0, {SIMD: three(0.003)})
    write_night(tmp_path, 1, {twin: three(0.004)}, change=with_subject(model_sha256=digest))
    (series,) = told(tmp_path)[0]
    assert series.key.cell == SIMD
    asked = partial(places_using, digits=digest)
    assert ask_index(tmp_path, asked, print) == {"nightly/2026-09-02_lab"}


def test_folders_of_every_kept_version_have_a_history(tmp_path: Path) -> None:
    kept = Path(__file__).parents[1] / "fixtures" / "result_folders"
    shutil.copytree(kept, tmp_path / "results")
    found, said = told(tmp_path / "results")
    with opened(tmp_path / "results", print) as index:
        assert problems(index) == ()
    assert {point.folder for series in found for point in series.points} == {
        folder.parent.name for folder in kept.glob("*/session.json")
    }
    assert not [text for text in said if "left out" in text]


def test_a_session_that_several_folders_hold_counts_once(tmp_path: Path) -> None:
    results = tmp_path / "results"
    write_nights(results, [0.003] * 14 + [0.0036] * 3, [SIMD])
    alone, _ = told(results)
    parts = results / "nightly"
    shutil.copytree(parts / "2026-09-17_lab", results / "a_copy")
    merged = results / "merged"
    merge([parts / "2026-09-16_lab"], merged)
    (series,), _ = told(results)
    assert len(series.points) == 17
    assert [change.at for change in series.changes] == [14]
    assert {point.folder for point in series.points} - {
        point.folder for point in alone[0].points
    } == {"a_copy", "merged"}
    shutil.rmtree(merged)
    shutil.rmtree(results / "a_copy")
    assert told(results)[0] == alone


def test_names_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    name = "half \ud800 '\"; DROP TABLE runs; --"
    odd = lambda run: replace(run, cell=replace(run.cell, model=name), bench=name)  # noqa: E731  a change of runs
    write_night(tmp_path, 0, {SIMD: three(0.003)}, change=odd)
    (series,), _ = told(tmp_path)
    assert series.points[0].n == 3


def test_the_index_of_results_that_can_only_be_read_lies_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    write_nights(results, [0.003])
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "cache"))
    # Root may write anywhere, so the answer of the system is taken away.
    monkeypatch.setattr("harness.history.refresh.os.access", lambda *_: False)
    found, _ = told(results)
    assert [series.points[0].n for series in found] == [3, 3, 3]
    assert not (results / ".index").exists()
    assert len(list((tmp_path / "cache" / "index").glob("*.sqlite"))) == 1


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        told(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def _refresh_slowly(results: Path) -> None:
    ask_index(results, everything, lambda _: None)


def test_two_writers_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003] * 20)
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=_refresh_slowly, args=(tmp_path,)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0, 0]
    kept = dump(tmp_path)
    rebuild(tmp_path, print)
    assert dump(tmp_path) == kept


def test_a_killed_writer_leaves_whole_folders_or_none(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003] * 25)
    expected = 25
    for wait_s in (0.02, 0.05, 0.1):
        process = multiprocessing.get_context("fork").Process(
            target=_refresh_slowly, args=(tmp_path,)
        )
        process.start()
        time.sleep(wait_s)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        with opened(tmp_path, print) as index:
            assert not list(
                index.rows(
                    "SELECT path FROM folders WHERE runs != 9 OR 9 != "
                    "(SELECT sum(n) FROM points JOIN metrics ON metrics.id = metric "
                    "WHERE folder = folders.id AND name = 'latency_p50')"
                )
            )
    found, _ = told(tmp_path)
    assert [len(series.points) for series in found] == [expected] * 3


def test_a_rebuild_that_is_interrupted_leaves_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nights(tmp_path, [0.003] * 3)
    told(tmp_path)
    before = dump(tmp_path)
    write_night(tmp_path, 3, {SIMD: three(0.003)})

    def interrupt(database: Database) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.history.judging.judge", interrupt)
    with pytest.raises(KeyboardInterrupt):
        rebuild(tmp_path, print)
    assert dump(tmp_path) == before


def test_sessions_that_were_taken_in_and_not_judged_are_judged_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nights(tmp_path, [0.003] * 14 + [0.0036] * 3, [SIMD])

    def interrupt(database: Database) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as until:
        until.setattr("harness.history.judging.judge", interrupt)
        with pytest.raises(KeyboardInterrupt):
            told(tmp_path)
    (series,), _ = told(tmp_path)
    assert [change.at for change in series.changes] == [14]


def test_a_cell_whose_last_folder_is_gone_is_not_known_any_more(tmp_path: Path) -> None:
    write_night(tmp_path, 0, {SIMD: three(0.003)})
    gone = write_night(tmp_path, 1, {PLAIN: three(0.003)})
    told(tmp_path)
    shutil.rmtree(gone)
    assert ask_index(tmp_path, known_cells, print) == (SIMD,)


def test_a_selection_leaves_only_its_cells(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003])
    only = parse_selection(["target=chromium,variant=simd"])
    (series,) = ask_index(tmp_path, lambda index: list(read_series(index, only)), print)
    assert series.key.cell == SIMD


def test_facts_are_stored_once(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003] * 5)
    told(tmp_path)
    with opened(tmp_path, print) as index:
        facts = [json.loads(text) for (text,) in index.rows("SELECT facts FROM facts")]
    # Three settings and three subjects: all five nights say the same.
    assert len(facts) == 6
