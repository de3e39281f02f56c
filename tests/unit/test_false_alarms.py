"""The self-test counts false alarms exactly, and says in words what a machine is fit for."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import folder, session, times
from scipy.stats import binomtest

from harness.cli.selftest import suite_text
from harness.model import ResultFolder, TargetRecord
from harness.report.false_alarms import FalseAlarms, clopper_pearson, examine
from harness.report.selftest import selftest_table
from harness.suite.load import load

HERE = TargetRecord("here", "web-tfjs", "host", False, tuple("abcd"), "a", (), 0.02)


def measured(
    seconds_of: Callable[[str, int], float], blocks: int = 12, variants: str = "abcd"
) -> ResultFolder:
    target = replace(HERE, variants=tuple(variants))
    record = session((target,), ("m",), blocks=blocks)
    return folder(record, lambda cell, block: times(seconds_of(cell.variant, block)))


def noise(spread: float) -> Callable[[str, int], float]:
    dice = random.Random(3)
    return lambda _, block: (1 + block) * math.exp(dice.gauss(0, spread))


def examined(seconds_of: Callable[[str, int], float], blocks: int = 6) -> FalseAlarms:
    found = examine(measured(seconds_of), blocks)
    assert found is not None
    return found


def texts(found: FalseAlarms) -> str:
    table = selftest_table(measured(noise(0.01)), found)
    return " ".join(str(cell) for row in table.rows for cell in row) + " ".join(table.notes)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.data())
def test_the_interval_of_a_share_is_that_of_clopper_and_pearson(
    whole: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, whole))
    oracle = binomtest(count, whole).proportion_ci(0.95, method="exact")
    assert clopper_pearson(count, whole) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_every_pair_of_every_round_is_compared_and_dependence_is_counted() -> None:
    found = examined(noise(0.001))
    assert len(found.pairs) == 2 * 6
    assert found.independent == 2 * 3
    assert {pair.round for pair in found.pairs} == {1, 2}
    # Five of twelve pairs are no more than two and a half of six.
    assert found.interval(5) == (clopper_pearson(2, 6)[0], clopper_pearson(3, 6)[1])


def test_a_quiet_machine_is_fit() -> None:
    found = examined(noise(0.001))
    assert found.alarms == 0
    assert found.trusted
    assert found.fit(0.02)
    assert found.fit(0.05)
    assert "fit to tell 2 % apart over 6 blocks" in texts(found)
    assert "not fit" not in texts(found)


def test_a_noisy_machine_is_not_fit_and_says_what_to_do() -> None:
    found = examined(noise(0.3))
    assert found.trusted
    assert not found.fit(0.05)
    assert "not fit to tell 5 % apart" in texts(found)
    assert "more blocks" in texts(found)


def test_a_machine_that_favours_one_side_is_not_believed_however_narrow_its_intervals() -> None:
    # Each variant is always 4 % slower than the one before, as on a core of its own.
    found = examined(lambda name, block: 1.04 ** ord(name) * (1 + 1e-6 * block * ord(name)))
    assert found.alarms == len(found.pairs)
    assert not found.trusted
    assert not found.fit(0.05)
    assert "too often" in texts(found)


def test_a_difference_is_seen_where_it_would_move_the_interval_past_one() -> None:
    found = examined(noise(0.01))
    low = min(pair.estimate.low or 0 for pair in found.pairs)
    high = max(pair.estimate.high or 0 for pair in found.pairs)
    assert found.seen(max(1 / low, high) * 1.001 - 1) == 1.0
    assert found.seen(1e-9) == found.excluding / len(found.pairs) / 2


def test_a_folder_without_a_whole_round_says_nothing() -> None:
    assert examine(measured(noise(0.01), blocks=5), 6) is None
    assert examine(measured(noise(0.01), variants="a"), 6) is None


@pytest.mark.parametrize("on", ["chromium", "virtual"])
def test_its_suite_is_one_that_anybody_could_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(suite_text(on, "blazeface_front", variants=3, blocks=20, seed=5))
    suite = load(path)
    (target,) = suite.targets
    assert len({str(variant.options) for variant in target.variants}) == 1
    assert target.ratios == (("b", "a"), ("c", "a"), ("a", "b"), ("a", "c"), ("b", "c"))
    assert suite.sampling.blocks == 20
