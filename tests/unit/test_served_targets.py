"""Which targets of a suite a served browser measures, each variant once, under its own name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import plan
from harness.errors import SuiteError
from harness.plugins import driver
from harness.suite.load import load
from harness.suite.values import Suite
from harness.web_lane.served_targets import on_device, served_suite

TWO_BROWSERS = """
suite: s
models: {net: {generate: blazeface_front, seed: 7}}
targets:
  chromium:
    driver: web-tfjs
    browser: chromium
    args: [--incognito]
    baseline: plain
    variants: {plain: {wasm: plain}, simd: {wasm: simd}}
  edge:
    driver: web-tfjs
    browser: edge
    headless: false
    baseline: plain
    ratios: [2t/plain]
    variants: {plain: {wasm: plain}, 2t: {wasm: threaded-simd, threads: 2}}
  litert: {driver: web-litert, variants: {default: {}}}
  phone: {driver: android-tflite, device: auto, variants: {cpu: {threads: 1}}}
"""


def suite(folder: Path, text: str) -> Suite:
    path = folder / "s.yaml"
    path.write_text(text)
    return load(path)


def test_web_targets_are_lent_with_each_variant_once(tmp_path: Path) -> None:
    tfjs, litert = served_suite(suite(tmp_path, TWO_BROWSERS)).targets
    assert (tfjs.name, litert.name) == ("web-tfjs", "web-litert")
    assert [variant.name for variant in tfjs.variants] == ["plain", "simd", "2t"]
    assert tfjs.baseline == "plain"
    assert set(tfjs.ratios) == {("simd", "plain"), ("2t", "plain")}
    assert tfjs.options.browser == "served"
    # What was said of another browser is not said of this one.
    assert tfjs.options.args == []
    assert tfjs.options.headless is True


def test_targets_that_are_meant_for_it_are_taken_alone_and_keep_their_name(tmp_path: Path) -> None:
    text = TWO_BROWSERS.replace("browser: edge", "browser: served")
    (target,) = served_suite(suite(tmp_path, text)).targets
    assert target.name == "edge"
    assert [variant.name for variant in target.variants] == ["plain", "2t"]


@pytest.mark.parametrize(
    "change",
    [
        ("2t: {wasm: threaded-simd, threads: 2}", "simd: {wasm: threaded-simd, threads: 2}"),
        ("browser: edge", "browser: edge\n    sampling: {timed: {iterations: 7}}"),
        ("browser: edge", "browser: edge\n    init_script: x.js"),
    ],
)
def test_what_would_be_measured_in_another_way_stays_a_target_of_its_own(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    text = TWO_BROWSERS.replace("    ratios: [2t/plain]\n", "").replace(*change)
    names = [target.name for target in served_suite(suite(tmp_path, text)).targets]
    assert names == ["web-tfjs", "web-tfjs-2", "web-litert"]


def test_targets_may_be_chosen_by_the_names_that_the_suite_gives_them(tmp_path: Path) -> None:
    (target,) = served_suite(suite(tmp_path, TWO_BROWSERS), ["edge"]).targets
    assert [variant.name for variant in target.variants] == ["plain", "2t"]
    with pytest.raises(SuiteError, match="no target 'phone' that runs in a browser"):
        served_suite(suite(tmp_path, TWO_BROWSERS), ["phone"])


def test_a_suite_without_browsers_says_what_to_add(tmp_path: Path) -> None:
    text = (
        TWO_BROWSERS.split("  chromium:", maxsplit=1)[0]
        + "  phone:"
        + TWO_BROWSERS.split("  phone:")[1]
    )
    with pytest.raises(SuiteError) as refused:
        served_suite(suite(tmp_path, text))
    assert "browser: served" in refused.value.hint


def test_the_device_is_a_bench_and_part_of_each_targets_name(tmp_path: Path) -> None:
    served = served_suite(suite(tmp_path, TWO_BROWSERS))
    placed = on_device(served, "Kitchen iPad", "kitchen-ipad", "served:kitchen-ipad")
    drivers = {target.driver: driver(target.driver) for target in placed.targets}
    (lane,) = plan.make(placed, drivers).lanes
    assert lane.bench == "served:kitchen-ipad"
    assert {run.cell.target for run in lane.runs} == {
        "web-tfjs@kitchen-ipad",
        "web-litert@kitchen-ipad",
    }
