"""The suites that come with edgebench are right, with the drivers that come with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import cli, lab
from harness.suite.load import load, validate

CONFIGS = Path(__file__).parents[2] / "configs"


def test_all_suites_that_the_readme_names_are_here() -> None:
    names = {path.name for path in CONFIGS.glob("*.yaml")}
    assert {"quickstart.yaml", "wasm-speedup.yaml", "phone.yaml"} <= names


SUITES = sorted(path for path in CONFIGS.glob("*.yaml") if path.stem != "devices.example")


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_a_suite_of_ours_has_no_mistake(suite: Path) -> None:
    assert "\n".join(map(str, validate(suite))) == ""
    assert load(suite).name == suite.stem


def test_the_speedup_suite_tells_simd_the_threaded_binary_and_threads_apart() -> None:
    suite = load(CONFIGS / "wasm-speedup.yaml")
    [target] = suite.targets
    assert suite.sampling.blocks == 10
    assert set(target.ratios) >= {
        ("simd", "plain"),
        ("simd-1t", "simd"),
        ("simd-2t", "simd-1t"),
        ("simd-2t", "simd"),
        ("simd-2t", "plain"),
    }


def test_the_threads_suite_has_every_step_on_both_lanes_and_what_visitors_get() -> None:
    web, device = load(CONFIGS / "threads.yaml").targets
    steps = {each.name: (each.options.wasm, each.options.threads) for each in web.variants}
    assert steps == {
        "plain": ("plain", None),
        "simd": ("simd", None),
        **{f"simd-{n}t": ("threaded-simd", n) for n in (1, 2, 4)},
        "shipped": ("auto", None),
    }
    assert {each.name: each.options.threads for each in device.variants} == {
        f"cpu-{n}t": n for n in (1, 2, 4)
    }


def test_the_phone_suite_needs_no_file_to_be_validated() -> None:
    [tool] = load(CONFIGS / "phone.yaml").tools
    assert tool.abi == "arm64-v8a"
    assert tool.source.path is not None
    assert not tool.source.path.exists()


def test_the_example_of_a_lab_has_no_mistake_and_shows_twelve_phones() -> None:
    found = lab.load(CONFIGS / "devices.example.yaml")
    assert len(found.phones) == 12
    assert found.tagged("nightly")
    assert found.by_alias("pixel8-a") in found.tagged("pixel8")
    assert any(phone.host for phone in found.phones)
    assert all("big" in phone.cores for phone in found.phones)


def test_everything_in_configs_can_be_validated_by_one_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["validate", *map(str, sorted(CONFIGS.glob("*.yaml")))]) == 0
    said = capsys.readouterr().out
    assert "devices.example.yaml: ok (12 phones)" in said
    assert "quickstart.yaml: ok (2 models, 2 targets, 10 cells, 6 blocks)" in said
