"""What `dumpsys meminfo` tells of a page's process, and finding that process by work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import TargetUnfit
from harness.transports.browsing import PageRecord
from harness.transports.cdp.meminfo import MeminfoBaseline, pss_of

READINGS = Path(__file__).parents[1] / "fixtures" / "reconstructed_phone" / "readings"
RENDERER = (READINGS / "meminfo_renderer.txt").read_text()


@pytest.mark.parametrize("name", ["meminfo_renderer.txt", "meminfo_android_9.txt"])
def test_the_total_is_read_from_every_age_of_android(name: str) -> None:
    assert pss_of((READINGS / name).read_text()) == 66178 * 1024


def test_the_row_of_the_table_is_enough() -> None:
    table, _, _ = RENDERER.partition(" App Summary")
    assert pss_of(table) == 66178 * 1024


@pytest.mark.parametrize(
    "told",
    ["No process found for: 16103", "Permission Denial: can't dump meminfo", "", "\n \n"],
)
def test_a_refusal_is_told_in_the_phones_words(told: str) -> None:
    with pytest.raises(TargetUnfit) as caught:
        pss_of(told)
    assert (told.strip() or "nothing") in str(caught.value)


@settings(deadline=None)
@given(st.integers(0, len(RENDERER)))
def test_an_answer_that_was_cut_off_gives_the_number_or_a_reason(end: int) -> None:
    # A number that is cut in its middle ends the text, which no whole answer does.
    cut = RENDERER[:end].rpartition("\n")[0]
    try:
        assert pss_of(cut) == 66178 * 1024
    except TargetUnfit:
        assert "TOTAL " not in cut


class Chrome:
    """An app whose pages' processes have these CPU times, one after the other."""

    def __init__(self, times: list[Mapping[int, int]], told: dict[int, Iterator[str]]) -> None:
        self.times = iter(times)
        self.told = told

    def page_processes(self) -> Mapping[int, int]:
        return next(self.times)

    def meminfo(self, pid: int) -> str:
        return next(self.told[pid])


class Page:
    record = PageRecord()

    def __init__(self) -> None:
        self.collected = 0

    def goto(self, url: str) -> None:
        raise AssertionError

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        assert "burn" in expression

    def collect_garbage(self) -> None:
        self.collected += 1


def total(kilobytes: int) -> str:
    return f"           TOTAL PSS: {kilobytes:>8}            TOTAL RSS:        1\n"


def test_growth_is_of_the_process_that_worked_and_after_garbage_collection() -> None:
    page = Page()
    told = iter([total(1000), total(1500)])
    app: Any = Chrome([{1: 10, 2: 10, 3: 0}, {1: 11, 2: 40, 3: 0}], {2: told})
    baseline = MeminfoBaseline(app, page)
    assert page.collected == 1
    grown = baseline.growth()
    assert page.collected == 2
    assert grown["pid"] == 2
    assert grown["meminfo_pss_delta_bytes"] == 500 * 1024


def test_a_process_that_is_not_told_apart_has_no_number() -> None:
    app: Any = Chrome([{1: 0, 2: 0}, {1: 20, 2: 10}] * 20, {})
    grown = MeminfoBaseline(app, Page()).growth()
    assert "cannot be told apart" in grown["absent"]
    assert "meminfo_pss_delta_bytes" not in grown


@pytest.mark.parametrize("answers", [["Permission Denial"], [total(1), "No process found"]])
def test_a_phone_that_refuses_gives_a_reason(answers: list[str]) -> None:
    app: Any = Chrome([{1: 0}, {1: 20}], {1: iter(answers)})
    grown = MeminfoBaseline(app, Page()).growth()
    assert answers[-1] in grown["absent"]
    assert "meminfo_pss_delta_bytes" not in grown
