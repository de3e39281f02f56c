"""The site's pages: every number leads to its runs, and nothing doubtful stands unmarked."""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_sites import Page, dead_links, files_of
from report_folders import (
    CHROMIUM,
    DEVICE,
    SECONDS,
    failed,
    folder,
    memory,
    realistic,
    run,
    session,
    times,
)

from harness.model import Cell, Measured, Outcome, Proof, ResultFolder, Scalar
from harness.report.pictures.simd_threads import simd_threads_pictures
from harness.report.pictures.speedup_intervals import speedup_pictures
from harness.report.scrubbing import Scrubber
from harness.report.site.history_pages import history_page_text
from harness.report.site.published_results import FolderToPublish, Raw
from harness.report.site.series import ChangePoint, Course, Night, Series
from harness.report.summary import summarise
from harness.store.gate_record import GateRecord, Judgement

HOSTILE = (
    '"><img src=https://example.org/x onerror=alert(1)><script>alert(2)</script>'
    "</script></style></title><svg onload=alert(3)>javascript:'&\u202e\n=cmd|../../x"
)
VIRTUAL = "virtual device"
CELLS = session((CHROMIUM,)).cells


def night(day: int, factor: float = 1.0, tfjs: str = "4.22.0", blocks: int = 6) -> ResultFolder:
    """Return what a browser gave on a day of a month; blocks differ by a little."""
    record = session((CHROMIUM,), started_utc=f"2026-11-{day:02d}T02:00:00+00:00", blocks=blocks)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times(factor * SECONDS[cell.model, cell.variant] * (1 + block / 500))

    measured = folder(record, outcome_of, path=f"results/quickstart/night-{day:02d}")
    runs = tuple(replace(r, subject={**r.subject, "tfjs": tfjs}) for r in measured.runs)
    return replace(measured, runs=runs)


class FigureCells(HTMLParser):
    """The numbers of a page that are no links, by the title of their table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.unlinked: dict[str, str] = {}
        self.linked = 0
        self._within = self._title = self._text = ""
        self._number = self._leads = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "h3":
            self._within, self._title = "h3", ""
        if tag == "td":
            self._within, self._text, self._leads = "td", "", False
            self._number = (dict(attrs).get("class") or "").startswith("n")
        self._leads = self._leads or tag == "a"

    def handle_data(self, data: str) -> None:
        self._title += data if self._within == "h3" else ""
        self._text += data if self._within == "td" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and self._number and re.search(r"\d", self._text):
            self.linked += self._leads
            if not self._leads:
                self.unlinked[self._title] = self._text
        if tag in {"td", "h3"}:
            self._within = ""


def test_every_number_of_the_entry_page_leads_to_its_runs() -> None:
    found = FigureCells(files_of([realistic(), night(3), night(4)])["index.html"])
    assert found.unlinked == {}
    assert found.linked > 150


def test_all_links_lead_somewhere_and_the_entry_page_is_written_last() -> None:
    files = files_of([realistic(), night(3), night(4)])
    assert dead_links(files) == []
    assert list(files)[-1] == "index.html"
    written: set[str] = set()
    for place, text in files.items():
        # What a page leads to is there before it, but for the entry page and its own parents.
        if place.startswith("cells/"):
            runs = {
                address.removeprefix("../") for address in Page(text).links if "runs/" in address
            }
            assert runs <= written
        written.add(place)


def test_a_cell_leads_to_each_attempt_and_an_attempt_says_what_was_asked_and_seen() -> None:
    results = realistic()
    files = files_of([results])
    attempts = [place for place in files if place.startswith("runs/")]
    assert len(attempts) == len(results.runs)
    cells = [text for place, text in files.items() if place.startswith("cells/")]
    linked = {a.removeprefix("../") for text in cells for a in Page(text).links if "runs/" in a}
    assert linked == set(attempts)
    (shown,) = [
        text for p, text in files.items() if "l001-mobilenet_v2-simd-2t-a1" in text and p in linked
    ]
    for told in ("asked for", "seen to run", "threaded-simd", "3c5e7a9b02cc", "others_cpu_share"):
        assert told in shown


def test_a_fact_that_was_not_what_was_asked_is_seen() -> None:
    one = night(3)
    wrong = replace(one.runs[0], outcome=failed(), proof=Proof({"threads": 2}, {"threads": 1}))
    files = files_of([replace(one, runs=(wrong, *one.runs[1:]))])
    assert sum("no: it differs" in text for text in files.values()) == 1


def raw_page(raw: dict[str, bytes], names: tuple[str, ...] = ()) -> str:
    one = night(3, blocks=1)
    files = files_of([FolderToPublish(one, raw=lambda _run: Raw(raw))], names=names)
    return next(text for place, text in files.items() if place.startswith("runs/"))


def test_a_raw_capture_is_shown_escaped_and_without_private_words() -> None:
    said = (
        "INFO: Graph: [/home/alice/models/m.tflite]\n<b>bold</b>\n"
        "[ro.serialno]: [R58M123ABC]\nalice@bench-07.example.org on bench-07\n"
        "usb 192.168.7.31:5555\n"
    )
    shown = raw_page({"stdout.txt": said.encode()}, ("bench-07", "alice"))
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "INFO: Graph: […/m.tflite]" in shown
    for private in ("alice", "R58M123ABC", "bench-07", "192.168.7.31"):
        assert private not in shown


def test_what_is_no_text_is_named_and_not_shown_and_what_is_long_is_cut() -> None:
    shown = raw_page({"output.bin": b"\xff\0\1", "log.txt": b"x" * 100_000})
    assert "output.bin</strong>: not text" in shown
    assert "The first 16384 of 100000 characters" in shown
    assert shown.count("x" * 16_384) == 1
    assert "x" * 16_385 not in shown


def test_hostile_names_stay_text_on_every_page() -> None:
    def named(word: str) -> dict[str, str]:
        target = replace(CHROMIUM, name=word)
        record = session((target,), (word,), blocks=2, suite=word, label=word)

        def outcome_of(cell: Cell, block: int) -> Outcome:
            p50 = SECONDS["blazeface", cell.variant]
            return times(p50) if cell.variant != "simd" else failed(word, word)

        measured = folder(record, outcome_of)
        runs = tuple(
            replace(r, subject={**r.subject, word: word}, command=(word,)) for r in measured.runs
        )
        one = replace(measured, runs=runs)
        other = replace(
            one,
            path="results/s/other",
            session=replace(record, started_utc="2026-11-24T02:00:00+00:00"),
        )
        raw = {word.replace("/", "_"): word.encode()}
        return files_of([FolderToPublish(each, raw=lambda _run: Raw(raw)) for each in (one, other)])

    hostile, innocent = named(HOSTILE), named("innocent")
    pages = [
        [
            [tag for tag, _ in Page(text).elements]
            for p, text in files.items()
            if p.endswith(".html")
        ]
        for files in (hostile, innocent)
    ]
    assert pages[0] == pages[1]
    for place, text in hostile.items():
        assert re.fullmatch(r"(index\.html|publication\.json|\w+/[\w.]+)", place)
        if not place.endswith(".html"):
            continue
        for _, attributes in Page(text).elements:
            assert not any(name.startswith("on") for name in attributes)
            assert not (attributes.get("href") or "").startswith(("javascript", "http"))
    assert dead_links(hostile) == []


@given(st.text(min_size=1, max_size=30))
@settings(deadline=None, max_examples=40)
def test_a_name_can_not_leave_the_data_of_the_script(name: str) -> None:
    target = replace(CHROMIUM, variants=("plain", name), ratios=())
    record = session((target,), ("m",), blocks=1)
    runs = tuple(
        run(cell, 1, times(0.01), setting={"driver": "web-tfjs"})
        for cell in record.cells
        if cell.variant == "plain"
    )
    files = files_of([ResultFolder("r", record, runs)])
    held = files["index.html"].partition('id="page-data">')[2].partition("</script>")[0]
    assert "<" not in held
    assert json.loads(held)["ratios"]


def test_virtual_cells_are_left_out_and_counted_unless_they_are_included() -> None:
    without, whole = (files_of([realistic()], include_virtual=flag) for flag in (False, True))
    assert "4 cells of virtual devices left out" in without["index.html"]
    assert "cpu-1" not in "".join(t for p, t in without.items() if p.startswith(("cells", "index")))
    assert len(whole) > len(without)
    assert "left out" not in whole["index.html"]
    assert "<h2>Virtual device (this host): not a phone</h2>" in whole["index.html"]
    assert VIRTUAL in whole["index.html"]


def latency_rows(page: str) -> list[str]:
    table = page.partition('data-table="latency"')[2].partition("</table>")[0]
    return table.partition("<tbody>")[2].split("<tr")[1:]


def test_stale_hot_noisy_disturbed_invalid_and_missing_cells_say_so_in_their_row() -> None:
    old, new = night(3), night(4)
    cells = new.session.cells
    marked: dict[Cell, dict[str, Scalar]] = {
        cells[1]: {"verdict": "throttled"},
        cells[2]: {"verdict": "noisy"},
        cells[3]: {"disturbed": True},
    }
    runs = []
    for each in new.runs:
        if each.cell == cells[0]:
            continue
        facts = marked.get(each.cell, {})
        outcome: Outcome = each.outcome
        if each.cell == cells[4]:
            outcome = failed("marked-invalid", "the tool was a debug build")
        if each.cell == cells[5] and each.block > 4:
            continue
        runs.append(replace(each, outcome=outcome, conditions={**each.conditions, **facts}))
    record = replace(new.session, cells=cells[1:])
    page = files_of([old, replace(new, session=record, runs=tuple(runs))])["index.html"]
    rows = latency_rows(page)
    told = (
        "stale: of 2026-11-03",
        "hot: 6 of",
        "noisy: 6 of",
        "invalid: 6 runs (the tool was",
        "disturbed: 6 runs of 6",
    )
    for words in told:
        assert sum(words in row for row in rows) == 1, words
    assert sum("missing: " in row for row in rows) >= 1
    assert "Cells to look at twice:" in page


def test_a_cell_of_several_nights_stands_once_and_has_a_course() -> None:
    files = files_of([night(3), night(4, 1.1, "4.23.0")])
    assert len(latency_rows(files["index.html"])) == 6
    courses = [text for place, text in files.items() if place.startswith("history/")]
    assert len(courses) == 6
    for text in courses:
        assert "tfjs 4.22.0 → 4.23.0" in text
        page = Page(text)
        assert sum("cells/" in address for address in page.links) >= 2
    assert 'data-table="history"' in files["index.html"]


def test_another_setting_begins_another_series() -> None:
    other = night(4)
    runs = tuple(replace(r, setting={**r.setting, "cpu_model": "another"}) for r in other.runs)
    files = files_of([night(2), night(3), replace(other, runs=runs)])
    page = next(text for place, text in files.items() if place.startswith("history/"))
    assert "2026-11-02 to 2026-11-03" in page
    assert "2026-11-04" not in page.partition("<main>")[2]


def test_series_of_two_settings_say_in_which_facts_they_differ() -> None:
    nights = [night(day) for day in (2, 3, 4, 5)]
    later = [
        replace(n, runs=tuple(replace(r, setting={**r.setting, "os_major": "13"}) for r in n.runs))
        for n in nights[2:]
    ]
    files = files_of([*nights[:2], *later])
    page = next(text for place, text in files.items() if place.startswith("history/"))
    assert "2026-11-04 to 2026-11-05 (os_major 13)" in page
    assert "2026-11-02 to 2026-11-03 (os_major not known)" in page


def test_a_course_shows_its_changes_with_their_intervals_and_what_was_new() -> None:
    nights = tuple(
        Night(
            f"2026-10-{day:02d}T02:00:00+00:00",
            0.01 if day < 15 else 0.011,
            0.0099,
            0.0112,
            10,
            f"s/{day}",
            changed=("tfjs 4.22.0 → 4.23.0",) if day == 15 else (),
        )
        for day in range(1, 31)
    )
    change = ChangePoint(14, 0.01, 0.011, 1.1, 1.08, 1.12)
    course = Course(
        "c",
        Cell("m", "fp32", "t", "v"),
        (Series("latency_p50", "s", nights, (change,)),),
        "by rule",
    )
    shown = history_page_text(course, Scrubber())
    assert "+10.0 % [+8.0, +12.0]" in shown
    assert shown.count("tfjs 4.22.0 → 4.23.0") >= 2
    assert 'class="change"' in shown
    assert "by rule" in shown


def test_a_baseline_is_switched_by_ratios_of_blocks_and_not_of_medians() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        drift = 1 + block / 3
        return times(SECONDS[cell.model, cell.variant] * drift)

    measured = folder(session((CHROMIUM,), ("blazeface",), blocks=6), outcome_of)
    # A cell that misses the slow blocks has a smaller median; its ratios know which blocks it had.
    runs = tuple(r for r in measured.runs if not (r.cell.variant == "simd" and r.block > 3))
    page = files_of([replace(measured, runs=runs)])["index.html"]
    held = json.loads(page.partition('id="page-data">')[2].partition("</script>")[0])
    by_variant = dict(zip(("plain", "simd", "simd-2t"), held["ratios"], strict=True))
    text, judged, value = by_variant["plain"]["simd"]
    assert value == pytest.approx(SECONDS["blazeface", "simd"] / SECONDS["blazeface", "plain"])
    assert judged == "no interval"
    assert by_variant["simd"]["plain"][2] == pytest.approx(1 / value)
    assert by_variant["simd-2t"]["plain"][1] == "faster"
    assert set(by_variant["simd"]) == {"plain", "simd-2t"}
    assert text.startswith("0.34")


def test_speed_ups_are_drawn_with_their_intervals() -> None:
    (picture,) = speedup_pictures(summarise([night(3)]))
    assert len(picture.table.rows) == 6
    assert (
        picture.svg.count('class="bar faster"')
        + picture.svg.count('class="bar open"')
        + picture.svg.count('class="bar slower"')
        == 6
    )


def test_simd_and_threads_are_set_against_the_plain_binary_with_one_thread() -> None:
    (picture,) = simd_threads_pictures(summarise([night(3)]))
    kinds = [(row[-3], getattr(row[-2], "value", None)) for row in picture.table.rows]
    assert kinds == [("SIMD", 1), ("SIMD", 2), ("plain", 1)] * 2
    gains = [getattr(row[-1], "value", 0.0) for row in picture.table.rows]
    plain, simd = SECONDS["mobilenet_v2", "plain"], SECONDS["mobilenet_v2", "simd"]
    assert gains[0] == pytest.approx(plain / simd)
    assert gains[2] == 1.0
    assert picture.svg.count("not measured") == 2 * 2


def test_a_site_is_the_same_whenever_and_from_wherever_it_is_made() -> None:
    first = files_of([night(3), night(4)])
    moved = [
        replace(night(day), path=f"elsewhere/deep/quickstart/night-{day:02d}") for day in (3, 4)
    ]
    assert files_of(moved) == first


def test_the_record_of_a_publication_names_folders_and_what_they_used() -> None:
    digest = "ab" * 32
    one = night(3)
    runs = tuple(replace(r, subject={**r.subject, "model_sha256": digest}) for r in one.runs)
    of = FolderToPublish(replace(one, runs=runs), digests={"runs.jsonl": "cd" * 32})
    (entry,) = json.loads(files_of([of])["publication.json"])["folders"]
    assert entry["artifacts"] == [digest]
    assert entry["sha256"] == {"runs.jsonl": "cd" * 32}
    assert entry["suite"] == "quickstart"


def test_samples_of_a_run_are_listed_on_its_page() -> None:
    from harness.model import Measurement

    one = night(3, blocks=1)
    sampled = Measured((Measurement("samples", "s", samples=(0.001, 0.002), per="iteration"),))
    files = files_of([replace(one, runs=(replace(one.runs[0], outcome=sampled),))])
    (page,) = [text for place, text in files.items() if place.startswith("runs/")]
    assert "samples: each of 2, in order" in page


def test_a_run_that_lost_its_raw_files_says_so_and_is_counted() -> None:
    one = night(3, blocks=1)
    runs = tuple(replace(each, raw=f"raw/{each.run_id}") for each in one.runs)
    gone = Raw(absent="Its files were removed to make room (2026-11-20).")
    files = files_of([FolderToPublish(replace(one, runs=runs), raw=lambda _run: gone)])
    assert "6 runs lost their raw files" in files["index.html"]
    pages = [text for place, text in files.items() if place.startswith("runs/")]
    assert all("removed to make room (2026-11-20)" in page for page in pages)


def test_what_a_gate_decided_stands_beside_its_session_and_leads_to_its_cells() -> None:
    one = night(3)
    judged = Judgement(
        one.session.cells[0], "latency", "regressed", change=0.08, low=0.06, high=0.1, why="slower"
    )
    gate = GateRecord("quickstart", "", "ab", "cd", green=False, moved=False, judgements=(judged,))
    files = files_of([FolderToPublish(one, gate=gate)])
    assert ">red</td>" in files["index.html"]
    (page,) = [text for place, text in files.items() if place.startswith("sessions/")]
    assert "against the last good build: red" in page
    assert "+8.0 % [+6.0, +10.0]</a>" in page


def test_every_page_forbids_all_but_its_own_script() -> None:
    files = files_of([realistic()])
    for place, text in files.items():
        if not place.endswith(".html"):
            continue
        policy = text.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[
            0
        ]
        assert policy.startswith("default-src 'none'; ")
        assert "http" not in policy
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        hashes = [b64encode(sha256(each.encode()).digest()).decode() for each in scripts]
        assert re.findall(r"'sha256-([^']+)'", policy) == hashes
        assert bool(scripts) == (place == "index.html")


def test_only_virtual_cells_make_a_page_that_says_what_it_left_out() -> None:
    virtual = folder(session((DEVICE,), ("m",), blocks=1), lambda cell, block: times(0.01))
    files = files_of([virtual], include_virtual=False)
    assert "0 of 0 cells have a latency" in files["index.html"]
    assert "2 cells of virtual devices left out" in files["index.html"]
    assert dead_links(files) == []


def test_half_a_character_in_a_name_breaks_nothing() -> None:
    target = replace(CHROMIUM, name="t\ud800")
    named = folder(session((target,), ("m",), blocks=1), lambda cell, block: failed())
    files = files_of([named])
    assert "t\\ud800" in files["index.html"]
    assert dead_links(files) == []


def test_unreadable_dates_and_numbers_beyond_all_bounds_break_no_page() -> None:
    nights = []
    for day in ("long ago", "yesterday"):
        one = night(3)
        heap = [run(cell, 1, memory(wasm_heap=math.inf), pass_="memory") for cell in CELLS]
        record = replace(one.session, started_utc=day)
        nights.append(replace(one, path=f"r/{day}", session=record, runs=(*one.runs, *heap)))
    files = files_of(nights)
    assert dead_links(files) == []
    assert any("long ago to yesterday" in text for text in files.values())
