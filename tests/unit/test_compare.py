"""What two sides are said to differ in, by how much, and when they must not be compared."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_folders import CHROMIUM, DEVICE, SECONDS, failed, folder, session, times

from harness import store
from harness.cli import main
from harness.errors import CompareError
from harness.model import Cell, Figure, Outcome, ResultFolder, TargetRecord
from harness.plan import EVERYTHING, parse_selection
from harness.report.comparison.operands import Operand, operand
from harness.report.comparison.tables import Comparison, compare
from harness.report.summary import summarise

FIREFOX = replace(CHROMIUM, name="firefox")


def night(
    factor: float | Mapping[str, float] = 1.0,
    *,
    targets: tuple[TargetRecord, ...] = (CHROMIUM,),
    path: str = "night",
    seed: int = 1,
    blocks: int = 10,
    subject: Mapping[str, Any] | None = None,
    setting: Mapping[str, Any] | None = None,
    broken: Callable[[Cell], bool] = lambda _: False,
) -> ResultFolder:
    """A session whose times are the usual ones times a factor, by target if it is a mapping."""
    dice = random.Random(seed)
    record = session(targets, blocks=blocks)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        by = factor if isinstance(factor, float) else factor[cell.target]
        if broken(cell):
            return failed()
        return times(by * SECONDS[cell.model, cell.variant] * dice.lognormvariate(0, 0.005))

    made = folder(record, outcome_of, path=path)
    runs = tuple(
        replace(
            run,
            subject={**run.subject, **(subject or {})},
            setting={**run.setting, **(setting or {})},
        )
        for run in made.runs
    )
    return replace(made, runs=runs)


def side(of: ResultFolder, selection: str = "") -> Operand:
    chosen = parse_selection([selection]) if selection else EVERYTHING
    name = f"{of.path}@{selection}" if selection else of.path
    return operand(name, summarise([of]), chosen)


def compared(*sides: Operand, factors: tuple[str, ...] = ()) -> Comparison:
    return compare(sides, factors)


def rows(of: Comparison, number: int = 0) -> list[dict[str, Any]]:
    table = of.tables[number]
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


def test_a_build_that_is_a_tenth_slower_is_a_regression_of_every_cell() -> None:
    made = compared(
        side(night(path="a")), side(night(1.1, path="b", seed=2, subject={"tfjs": "4.23.0"}))
    )
    *cells, mean = rows(made)
    assert made.slower == len(cells) == 6
    for row in cells:
        assert row["verdict.1"] == "slower (10 + 10 runs)"
        assert isinstance(row["speedup.1"], Figure)
        assert row["speedup.1"].value == pytest.approx(1 / 1.1, rel=0.02)
    assert mean["model"] == "geometric mean of 6 rows"
    assert mean["speedup.1"].value == pytest.approx(1 / 1.1, rel=0.01)
    notes = " ".join(made.tables[0].notes)
    assert "Compared factor: tfjs (tfjs 4.22.0 → 4.23.0)" in notes
    assert "weaker" in notes


def test_nothing_that_changed_is_called_noise_and_is_no_regression() -> None:
    made = compared(side(night(path="a")), side(night(path="b", seed=2)))
    assert made.slower == 0
    assert "Nothing that is known differs" in " ".join(made.tables[0].notes)


def test_parts_of_one_folder_are_compared_block_by_block() -> None:
    both = night({"chromium": 1.0, "firefox": 0.8}, targets=(CHROMIUM, FIREFOX))
    made = compared(side(both, "target=chromium"), side(both, "target=firefox"))
    *cells, _ = rows(made)
    assert {row["verdict.1"] for row in cells} == {"faster (10 blocks)"}
    assert "target" not in cells[0]
    assert not any("weaker" in note for note in made.tables[0].notes)


def test_blocks_that_failures_added_to_each_target_are_never_one_block() -> None:
    both = night({"chromium": 1.0, "firefox": 0.8}, targets=(CHROMIUM, FIREFOX))
    added = tuple(replace(run, block=11) for run in both.runs if run.block == 10)
    session_ = replace(both.session, added_blocks=3)
    both = replace(both, session=session_, runs=(*both.runs, *added))
    made = compared(side(both, "target=chromium"), side(both, "target=firefox"))
    *cells, _ = rows(made)
    assert {row["verdict.1"] for row in cells} == {"faster (10 blocks)"}


def test_two_variants_of_one_block_may_differ_in_what_they_are() -> None:
    one = night()
    made = compared(side(one, "variant=plain"), side(one, "variant=simd"))
    *cells, _ = rows(made)
    for row in cells:
        expected = SECONDS[row["model"], "plain"] / SECONDS[row["model"], "simd"]
        assert row["speedup.1"].value == pytest.approx(expected, rel=0.02)


def test_a_setting_that_differs_is_refused_by_name() -> None:
    other = night(path="b", setting={"timed": "invoke"})
    with pytest.raises(CompareError, match="timed predict") as caught:
        compared(side(night(path="a")), side(other))
    assert caught.value.exit_code == 5


def test_a_fact_that_one_side_does_not_know_is_no_difference() -> None:
    made = compared(side(night(path="a")), side(night(path="b", setting={"governor": "x"})))
    assert made.slower == 0


def test_two_things_that_differ_at_once_must_both_be_named() -> None:
    a, b = night(path="a"), night(path="b", subject={"tfjs": "5", "browser": "chromium 200"})
    with pytest.raises(CompareError, match="more than one thing differs") as caught:
        compared(side(a), side(b))
    assert "--factor tfjs --factor browser" in caught.value.hint
    with pytest.raises(CompareError, match="this differs too: browser"):
        compared(side(a), side(b), factors=("tfjs",))
    made = compared(side(a), side(b), factors=("tfjs", "browser"))
    assert made.slower == 0


def test_the_mean_knows_only_rows_that_every_side_has() -> None:
    a, b = night(path="a"), night(1.5, path="b")
    c = night(1.5, path="c", broken=lambda cell: cell.model == "blazeface")
    made = compared(side(a), side(b), side(c))
    assert rows(made)[-1]["model"] == "geometric mean of 3 rows"
    matrix = rows(made, 1)
    assert [row["over"] for row in matrix] == ["a", "b", "c"]
    assert matrix[0]["side.1"].value == pytest.approx(1 / 1.5, rel=0.02)
    assert matrix[1]["side.0"].value == pytest.approx(1.5, rel=0.02)
    assert matrix[2]["side.2"] == "1"


def test_a_cell_that_failed_on_one_side_has_a_row_without_a_ratio() -> None:
    made = compared(side(night(path="a")), side(night(path="b", broken=lambda _: True)))
    assert {row["speedup.1"] for row in rows(made)[:-1]} == {None}
    assert {row["time.1"] for row in rows(made)[:-1]} == {"failed"}


def test_a_virtual_device_is_never_set_against_a_real_one() -> None:
    virtual = night(targets=(DEVICE,), path="a")
    real = night(targets=(replace(DEVICE, virtual=False),), path="b", setting={"virtual": False})
    with pytest.raises(CompareError):
        compared(side(virtual), side(real))


def test_a_side_without_cells_is_refused_with_the_cells_that_there_are() -> None:
    with pytest.raises(CompareError, match="selects no cell") as caught:
        side(night(), "variant=none")
    assert "mobilenet_v2/fp32 on chromium/plain" in caught.value.hint


def test_sides_that_have_nothing_in_common_are_refused() -> None:
    both = night({"chromium": 1.0, "firefox": 1.0}, targets=(CHROMIUM, FIREFOX))
    with pytest.raises(CompareError, match="no cell is in both"):
        compared(side(both, "target=chromium"), side(both, "target=firefox,target=none"))


def written(at: Path, results: ResultFolder) -> str:
    with store.create(at, results.session, "suite: s\n") as writer:
        for run in results.runs:
            writer.append(run)
    return str(at)


@pytest.mark.parametrize(
    ("factor", "code"), [(1.0, 0), (0.5, 0), (1.2, 1)], ids=["same", "faster", "slower"]
)
def test_the_exit_code_says_whether_anything_became_slower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], factor: float, code: int
) -> None:
    a, b = written(tmp_path / "a", night()), written(tmp_path / "b", night(factor, seed=2))
    assert main(["compare", a, b, "--format", "markdown"]) == code
    assert "b vs a" in capsys.readouterr().out


def test_what_must_not_be_compared_is_exit_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = written(tmp_path / "a", night())
    b = written(tmp_path / "b", night(setting={"timed": "invoke"}))
    assert main(["compare", a, b]) == 5
    assert "timed" in capsys.readouterr().err


def test_the_interval_of_a_paired_ratio_is_the_one_of_its_blocks() -> None:
    both = night({"chromium": 1.0, "firefox": 0.8}, targets=(CHROMIUM, FIREFOX))
    made = compared(side(both, "target=chromium"), side(both, "target=firefox"))
    for row in rows(made)[:-1]:
        shown = row["speedup.1"]
        assert shown.low < shown.value < shown.high
        assert math.log(shown.high / shown.low) < 0.03


def test_a_summary_of_times_only_compares_as_a_whole_one_does() -> None:
    sides = [night(path="a"), night(1.1, path="b", seed=2)]
    whole, times_only = (
        compare(
            [operand(of.path, summarise([of], times_only=only), EVERYTHING) for of in sides], ()
        )
        for only in (False, True)
    )
    assert times_only == whole
