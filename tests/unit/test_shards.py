"""Shards: every bench goes whole to one of them, for about as long, wherever that is computed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plan import DRIVERS, a_suite

from harness import plan, shards
from harness.cli import main
from harness.cli.arguments import parse
from harness.plan import Plan, estimated_seconds

SUITE = """\
suite: two-lanes
models:
  net: {generate: blazeface_front}
targets:
  here: {driver: web-tfjs, variants: {plain: {wasm: plain}}}
"""


def a_plan(benches: list[int], blocks: int = 2) -> Plan:
    """Return a plan with a lane for each number, of that many variants."""
    targets = {f"b{at}-t": variants for at, variants in enumerate(benches)}
    return plan.make(a_suite(2, targets), DRIVERS, blocks=blocks)


def seconds(part: Plan) -> float:
    return sum(map(estimated_seconds, part.runs))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(1, 7))
@settings(deadline=None, max_examples=60)
def test_each_lane_is_whole_in_one_shard_as_it_was_in_the_plan(
    benches: list[int], count: int
) -> None:
    whole = a_plan(benches)
    parts = [shards.cut(whole, index, count) for index in range(1, count + 1)]
    lanes = [lane for part in parts for lane in part.lanes]
    assert sorted(lanes, key=lambda lane: lane.bench) == list(whole.lanes)
    for index, part in enumerate(parts, start=1):
        assert part.shard is not None
        assert (part.shard.index, part.shard.count) == (index, count)
        own = [bench for bench, at in part.shard.benches.items() if at == index]
        assert own == [lane.bench for lane in part.lanes]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(1, 3))
@settings(deadline=None, max_examples=40)
def test_the_longest_shard_is_at_most_a_third_longer_than_the_best_division_has(
    benches: list[int], count: int
) -> None:
    # Graham's bound for the longest first: 4/3 - 1/(3n) of the optimum, here found by trying all.
    whole = a_plan(benches, blocks=1)
    longest = max(seconds(shards.cut(whole, index, count)) for index in range(1, count + 1))
    lanes = [sum(map(estimated_seconds, lane.runs)) for lane in whole.lanes]
    best = min(
        max(
            sum(s for s, part in zip(lanes, parts, strict=True) if part == at)
            for at in range(count)
        )
        for parts in itertools.product(range(count), repeat=len(lanes))
    )
    assert longest <= best * (4 / 3 - 1 / (3 * count)) + 1e-6


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(2, 4), st.randoms())
@settings(deadline=None, max_examples=40)
def test_the_division_does_not_depend_on_the_order_of_targets(
    benches: list[int], count: int, dice: object
) -> None:
    whole = a_plan(benches)
    mixed = list(whole.lanes)
    dice.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives random.Random
    other = Plan(whole.suite, tuple(mixed), whole.blocks, whole.seed)
    assert shards.shards_of(other, count) == shards.shards_of(whole, count)


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "1", "1/", "/2", "a/b", "1/2/3", "-1/2", "1/0", "¹/2"]
)
def test_what_is_no_shard_is_refused_as_the_users_input(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["plan", "x.yaml", f"--shard={text}"])
    assert caught.value.code == 2
    assert "I/N" in capsys.readouterr().err


def test_a_shard_with_nothing_to_do_says_so_makes_no_folder_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "two-lanes.yaml"
    suite.write_text(SUITE)
    assert main(["run", str(suite), "--shard", "2/2", "--out", str(tmp_path / "r")]) == 0
    said = capsys.readouterr()
    assert "shard 2/2: nothing to do" in said.err
    assert "others make host (1/2)" in said.err
    assert not (tmp_path / "r").exists()
    assert main(["plan", str(suite), "--shard", "2/2"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["plan", str(suite), "--shard", "1/2"]) == 0
    assert "shard 1/2: host" in capsys.readouterr().out


def test_a_session_that_is_resumed_knows_its_own_shard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "two-lanes.yaml"
    suite.write_text(SUITE)
    assert main(["run", str(suite), "--resume", str(tmp_path), "--shard", "1/2"]) == 2
    assert "--shard" in capsys.readouterr().err
