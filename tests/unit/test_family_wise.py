"""`--family-wise`: verdicts of a table hold together, or the table says how many blocks that needs."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import CHROMIUM, folder, session, times

from harness import store
from harness.cli import main
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.model import Cell, Figure, Outcome, ResultFolder, Table
from harness.plan import EVERYTHING
from harness.report import tables
from harness.report.cell_ratios import RatioSummary
from harness.report.comparison.operands import operand
from harness.report.comparison.tables import compare
from harness.report.family_wise import in_family
from harness.report.summary import summarise
from harness.statistics.holm import blocks_needed
from harness.statistics.paired import paired_ratio, verdict
from harness.statistics.two_sample import runs_needed

VARIANTS = tuple(f"v{n:02d}" for n in range(25))
MANY = replace(
    CHROMIUM, variants=VARIANTS, baseline="v00", ratios=tuple((v, "v00") for v in VARIANTS[1:])
)


def measured(
    factors: Mapping[str, float], *, blocks: int = 12, seed: int = 1, path: str = "a"
) -> ResultFolder:
    """Twenty-five variants that are one, but for the factors."""
    dice = random.Random(seed)
    record = session((MANY,), ("m",), blocks=blocks)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times(0.01 * factors.get(cell.variant, 1.0) * dice.lognormvariate(0, 0.03))

    return replace(folder(record, outcome_of), path=path)


def shown(of: ResultFolder, *, family_wise: bool) -> Table:
    return tables.build([of], family_wise=family_wise)[0]


def verdicts(table: Table) -> dict[str, str]:
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    return {str(row["variant"]): str(row["verdict"]) for row in rows}


def notes(table: Table) -> str:
    return " ".join(table.notes)


def test_a_large_difference_stands_among_many_and_a_chance_one_does_not() -> None:
    # With this seed one of twenty-four identical variants is called different by itself.
    of = next(
        made
        for made in (measured({"v07": 0.8}, seed=seed) for seed in range(1, 200))
        if sum(v in {"faster", "slower"} for v in verdicts(shown(made, family_wise=False)).values())
        > 1
    )
    alone, together = (verdicts(shown(of, family_wise=each)) for each in (False, True))
    changed = {name for name in alone if alone[name] != together[name]}
    assert together["v07"] == "faster"
    assert changed
    assert all(together[name] == "unclear" for name in changed)
    assert sum(v in {"faster", "slower"} for v in together.values()) == 1


def test_the_note_says_how_many_ratios_hold_together_and_stands_only_where_asked_for() -> None:
    of = measured({"v07": 0.8})
    assert "hold for 24 ratios together" in notes(shown(of, family_wise=True))
    assert "Among so many" not in notes(shown(of, family_wise=True))
    assert "Family-wise" not in notes(shown(of, family_wise=False))


def test_too_few_blocks_for_a_family_are_said_with_the_number_that_it_needs() -> None:
    of = measured({"v07": 0.5}, blocks=6)
    table = shown(of, family_wise=True)
    assert verdicts(shown(of, family_wise=False))["v07"] == "faster"
    assert verdicts(table)["v07"] == "unclear"
    assert "needs 10 blocks to be told; here it has 6" in notes(table)


def test_latency_and_speed_ups_give_a_ratio_one_verdict() -> None:
    of = measured({"v07": 0.8, "v09": 0.96})
    latency, speedups = tables.build([of], family_wise=True)[:2]
    told = verdicts(latency)
    (row,) = speedups.rows
    for column, value in zip(speedups.columns, row, strict=True):
        if "/" in column.key:
            assert isinstance(value, Figure)
            assert told[column.key.partition("/")[0]] in value.text


def compared(blocks: int, *, family_wise: bool) -> tuple[dict[str, str], str, int]:
    sides = [
        operand(of.path, summarise([of]), EVERYTHING)
        for of in (
            measured({}, blocks=blocks, seed=1),
            measured({"v07": 1.5}, blocks=blocks, seed=2, path="b"),
        )
    ]
    made = compare(sides, (), family_wise=family_wise)
    keys = [column.key for column in made.tables[0].columns]
    rows = [dict(zip(keys, row, strict=True)) for row in made.tables[0].rows[:-1]]
    told = {str(row["variant"]): str(row["verdict.1"]) for row in rows}
    return told, notes(made.tables[0]), made.slower


def test_two_sessions_are_judged_together_too() -> None:
    told, note, slower = compared(10, family_wise=True)
    assert told["v07"] == "slower (10 + 10 runs)"
    assert "hold for 25 ratios together" in note
    assert slower == 1
    told, note, slower = compared(5, family_wise=True)
    assert told["v07"].startswith("unclear")
    assert f"needs {runs_needed(25)} runs a side" in note
    assert slower == 0
    told, note, _ = compared(5, family_wise=False)
    assert told["v07"].startswith("slower")
    assert "Family-wise" not in note


@pytest.mark.parametrize("tests", [1, 5, 25, 1000])
def test_with_the_runs_needed_the_first_step_is_reached_and_with_one_less_it_is_not(
    tests: int,
) -> None:
    needed = runs_needed(tests)
    assert tests * 2 / math.comb(2 * needed, needed) <= 0.05
    assert tests * 2 / math.comb(2 * needed - 2, needed - 1) > 0.05


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-60, 60), min_size=1, max_size=12), st.integers(0, 10))
def test_a_family_never_makes_a_verdict_bolder(centres: list[int], seed: int) -> None:
    dice = random.Random(seed)
    ratios = []
    for centre in centres:
        found = paired_ratio([centre / 1000 + dice.gauss(0, 0.02) for _ in range(10)])
        ratios.append(RatioSummary("a", "b", found, verdict(found, 0.02)))
    for before, after in zip(ratios, in_family(ratios), strict=True):
        assert after.verdict in {before.verdict, "unclear"}
        assert after.family == len(ratios)
        assert after.estimate == before.estimate


def test_operator_tables_have_no_verdicts_to_hold_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", str(tmp_path), "--ops", "--family-wise"]) != EXIT_OK
    assert "--family-wise" in capsys.readouterr().err


def test_the_page_on_statistics_has_the_numbers_that_families_need() -> None:
    page = Path(__file__).parents[2] / "docs" / "statistics.md"
    rows = [
        [word.strip() for word in line.split("|")[1:-1]]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith(("| ratios |", "| blocks, at least", "| runs a side, at least"))
    ]
    families, blocks, runs = ([int(word) for word in row[1:]] for row in rows)
    assert blocks == [blocks_needed(family) for family in families]
    assert runs == [runs_needed(family) for family in families]


def test_the_commands_take_the_flag_and_say_so_under_their_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for number, factors in enumerate(({}, {"v07": 1.5}), start=1):
        of = measured(factors, blocks=6, seed=number)
        paths.append(str(tmp_path / str(number)))
        with store.create(tmp_path / str(number), of.session, "suite: s\n") as writer:
            for run in of.runs:
                writer.append(run)
    assert main(["table", paths[1], "--family-wise", "--format", "markdown"]) == EXIT_OK
    assert "needs 10 blocks to be told; here it has 6" in capsys.readouterr().out
    # Six runs a side are too few for a family of 25, so nothing is called slower.
    assert main(["compare", *paths, "--family-wise", "--format", "markdown"]) == EXIT_OK
    assert "needs 7 runs a side to be told; here it has 6" in capsys.readouterr().out
    assert main(["compare", *paths, "--format", "markdown"]) == EXIT_FINDINGS
